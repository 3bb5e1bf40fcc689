/**
 * What goes out on the model's sockets. Frames are written into pooled memory, masked there, and all that one socket
 * was given in one turn of the event loop leaves in one write.
 */
import { randomFillSync } from "node:crypto";
import type { Socket } from "node:net";
import { type FrameMemory, frameBytes, type Opcode, writeFrame } from "../wire/websocket-frames.js";

/** Room for 100 ms of audio and a second short message. What is longer gets memory of its own. */
const SLOT_BYTES = 2048;
/** Slots kept for reuse: as many as one turn of a busy process needs. */
const MAX_FREE_SLOTS = 256;
const MASKS = 2048;

/** Memory for what one write carries. It belongs to the kernel from `write` until `written` is called. */
class Slot implements FrameMemory {
  readonly bytes: Buffer;
  readonly words: Int32Array;
  usedBytes = 0;
  writer: FrameWriter | null = null;
  #view: Buffer;
  /** One for the life of the slot, so that a write makes no closure. */
  readonly written = (): void => this.writer?.written(this);

  constructor(bytes: number) {
    this.bytes = Buffer.allocUnsafeSlow(bytes);
    this.words = new Int32Array(this.bytes.buffer, 0, bytes >>> 2);
    this.#view = this.bytes;
  }

  /** The used part. Mostly as long as the one before, and then the same object. */
  get view(): Buffer {
    if (this.#view.length !== this.usedBytes) this.#view = this.bytes.subarray(0, this.usedBytes);
    return this.#view;
  }
}

/** What the sockets of one process share: memory, random masks, and the end of the turn. */
export class WriteTurn {
  readonly #free: Slot[] = [];
  readonly #masks = new Uint32Array(MASKS);
  #nextMask = MASKS;
  #due: FrameWriter[] = [];
  #flushing: FrameWriter[] = [];
  readonly #later: (run: () => void) => void;

  /** @param later  runs it at the end of the present turn of the event loop. */
  constructor(later: (run: () => void) => void) {
    this.#later = later;
  }

  /** Unforeseeable, as RFC 6455, section 5.3, asks; drawn from the operating system 8 KiB at a time. */
  mask(): number {
    if (this.#nextMask === MASKS) {
      randomFillSync(this.#masks);
      this.#nextMask = 0;
    }
    return this.#masks[this.#nextMask++]!;
  }

  take(bytes: number): Slot {
    return bytes > SLOT_BYTES ? new Slot((bytes + 3) & ~3) : (this.#free.pop() ?? new Slot(SLOT_BYTES));
  }

  give(slot: Slot): void {
    slot.usedBytes = 0;
    slot.writer = null;
    if (slot.bytes.length === SLOT_BYTES && this.#free.length < MAX_FREE_SLOTS) this.#free.push(slot);
  }

  /** `writer` is flushed at the end of the turn. */
  add(writer: FrameWriter): void {
    if (this.#due.push(writer) === 1) this.#later(this.#flush);
  }

  readonly #flush = (): void => {
    const due = this.#due;
    this.#due = this.#flushing;
    this.#flushing = due;
    for (const writer of due) writer.flush();
    due.length = 0;
  };
}

/** The frames of one socket. At most one write is under way; what comes meanwhile gathers and follows in the next. */
export class FrameWriter {
  readonly #socket: Socket;
  readonly #turn: WriteTurn;
  #gathering: Slot | null = null;
  #underWay = false;

  constructor(socket: Socket, turn: WriteTurn) {
    this.#socket = socket;
    this.#turn = turn;
  }

  /** What the kernel has not taken. */
  get bufferedBytes(): number {
    return (this.#gathering?.usedBytes ?? 0) + this.#socket.writableLength;
  }

  /** The payload is copied before it returns. */
  add(opcode: Opcode, payload: Uint8Array): void {
    const bytes = frameBytes(payload.length);
    let slot = this.#gathering;
    if (slot === null) {
      slot = this.#turn.take(bytes);
      this.#gathering = slot;
      if (!this.#underWay) this.#turn.add(this);
    } else if (slot.bytes.length - slot.usedBytes < bytes) {
      slot = this.#grow(slot, bytes);
    }
    slot.usedBytes = writeFrame(slot, slot.usedBytes, opcode, payload, this.#turn.mask());
  }

  flush(): void {
    if (!this.#underWay) this.#write();
  }

  /** Sends what has gathered, then ends the writing side. */
  end(): void {
    this.#write();
    this.#socket.end();
  }

  /** Gives the memory back; nothing more is sent. */
  drop(): void {
    if (this.#gathering !== null) this.#turn.give(this.#gathering);
    this.#gathering = null;
  }

  written(slot: Slot): void {
    this.#turn.give(slot);
    this.#underWay = false;
    this.#write();
  }

  #write(): void {
    const slot = this.#gathering;
    if (slot === null) return;
    this.#gathering = null;
    if (!this.#socket.writable) {
      this.#turn.give(slot);
      return;
    }
    this.#underWay = true;
    slot.writer = this;
    this.#socket.write(slot.view, slot.written);
  }

  #grow(slot: Slot, bytes: number): Slot {
    const larger = this.#turn.take(Math.max(2 * slot.bytes.length, slot.usedBytes + bytes));
    larger.bytes.set(slot.view);
    larger.usedBytes = slot.usedBytes;
    this.#gathering = larger;
    this.#turn.give(slot);
    return larger;
  }
}
