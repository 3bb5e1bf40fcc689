/**
 * Writes frames to the model's sockets. Frames are built in pooled memory and masked there. They
 * leave at the end of the event loop's turn, one write for each socket, the sockets one after the
 * other: the code of a write stays in the processor's cache, and Node looks at its ticks and
 * promises once for all. Frames that a socket is given while its last write is under way leave
 * together in the next.
 */
import { randomFillSync } from "node:crypto";
import {
  type FrameMemory,
  frameBytes,
  type Opcode,
  writeFrame,
} from "../../wire/websocket-frames.js";

/**
 * Room for 20 ms of audio. These frames mostly have one length, so that a slot's view is reused.
 */
const SMALL_SLOT_BYTES = 512;
/** Room for 100 ms of audio and a short message. Longer frames get memory of their own. */
const SLOT_BYTES = 2048;
/** Slots of each size kept for reuse: as many as one turn of a busy process needs. */
const MAX_FREE_SLOTS = 256;
const MASKS = 2048;
/**
 * So many sockets do not wait for the turn's end: after a stall a turn is long, and what came first
 * must not wait for all that came after it.
 */
const MAX_DUE = 16;

/** Memory for one write. It belongs to the kernel from `write` until `written` is called. */
class Slot implements FrameMemory {
  readonly bytes: Buffer;
  readonly words: Int32Array;
  usedBytes = 0;
  writer: FrameWriter | null = null;
  #view: Buffer;
  /** Made once for the slot, so that a write makes no closure. */
  readonly written = (): void => this.writer?.written(this);

  constructor(bytes: number) {
    this.bytes = Buffer.allocUnsafeSlow(bytes);
    this.words = new Int32Array(this.bytes.buffer, 0, bytes >>> 2);
    this.#view = this.bytes;
  }

  /** The used part. It mostly has the length of the one before and is the same object then. */
  get view(): Buffer {
    if (this.#view.length !== this.usedBytes) this.#view = this.bytes.subarray(0, this.usedBytes);
    return this.#view;
  }
}

/** Memory, random masks and the turn's writes, shared by the sockets of one process. */
export class SlotPool {
  readonly #small: Slot[] = [];
  readonly #free: Slot[] = [];
  readonly #masks = new Int32Array(MASKS);
  #nextMask = MASKS;
  /** They have something to write. To empty an array would give its memory away each turn. */
  readonly #due: (FrameWriter | null)[] = new Array(MAX_DUE).fill(null);
  #dueCount = 0;
  #turnEnds = false;
  readonly #atTurnsEnd = (): void => {
    this.#turnEnds = false;
    this.#writeDue();
  };

  /** Unpredictable, as RFC 6455, section 5.3, demands; 8 KiB at a time from the system. */
  mask(): number {
    if (this.#nextMask === MASKS) {
      randomFillSync(this.#masks);
      this.#nextMask = 0;
    }
    return this.#masks[this.#nextMask++]!;
  }

  /** The writer writes before the next turn of the event loop. */
  writeSoon(writer: FrameWriter): void {
    this.#due[this.#dueCount++] = writer;
    if (this.#dueCount >= MAX_DUE) this.#writeDue();
    else if (!this.#turnEnds) {
      this.#turnEnds = true;
      setImmediate(this.#atTurnsEnd);
    }
  }

  #writeDue(): void {
    for (let i = 0; i < this.#dueCount; i++) {
      const writer = this.#due[i];
      this.#due[i] = null;
      writer?.due();
    }
    this.#dueCount = 0;
  }

  take(bytes: number): Slot {
    if (bytes <= SMALL_SLOT_BYTES) return this.#small.pop() ?? new Slot(SMALL_SLOT_BYTES);
    return bytes > SLOT_BYTES
      ? new Slot((bytes + 3) & ~3)
      : (this.#free.pop() ?? new Slot(SLOT_BYTES));
  }

  give(slot: Slot): void {
    slot.usedBytes = 0;
    slot.writer = null;
    const { length } = slot.bytes;
    const free =
      length === SMALL_SLOT_BYTES ? this.#small : length === SLOT_BYTES ? this.#free : null;
    if (free !== null && free.length < MAX_FREE_SLOTS) free.push(slot);
  }
}

/** The part of a socket that is used for writing. */
export interface Outlet {
  readonly writable: boolean;
  readonly writableLength: number;
  write(bytes: Uint8Array, written: () => void): unknown;
  end(): unknown;
}

/**
 * The frames of one socket. At most one write is under way; later frames gather for the next one.
 */
export class FrameWriter {
  readonly #socket: Outlet;
  readonly #pool: SlotPool;
  #gathering: Slot | null = null;
  #underWay = false;
  #isDue = false;

  constructor(socket: Outlet, pool: SlotPool) {
    this.#socket = socket;
    this.#pool = pool;
  }

  /** Bytes that the kernel has not taken yet. */
  get bufferedBytes(): number {
    return (this.#gathering?.usedBytes ?? 0) + this.#socket.writableLength;
  }

  /** The payload is copied before it returns. */
  add(opcode: Opcode, payload: Uint8Array): void {
    const bytes = frameBytes(payload.length);
    let slot = this.#gathering ?? this.#pool.take(bytes);
    if (slot.bytes.length - slot.usedBytes < bytes) slot = this.#grow(slot, bytes);
    this.#gathering = slot;
    slot.usedBytes = writeFrame(slot, slot.usedBytes, opcode, payload, this.#pool.mask());
    if (this.#underWay || this.#isDue) return;
    this.#isDue = true;
    this.#pool.writeSoon(this);
  }

  /** The turn ends. */
  due(): void {
    this.#isDue = false;
    if (!this.#underWay) this.#write();
  }

  /** Sends what has gathered, then ends the writing side. */
  end(): void {
    this.#write();
    this.#socket.end();
  }

  /** Gives the memory back; nothing more is sent. */
  drop(): void {
    if (this.#gathering !== null) this.#pool.give(this.#gathering);
    this.#gathering = null;
  }

  written(slot: Slot): void {
    this.#pool.give(slot);
    this.#underWay = false;
    this.#write();
  }

  #write(): void {
    const slot = this.#gathering;
    if (slot === null) return;
    this.#gathering = null;
    if (!this.#socket.writable) {
      this.#pool.give(slot);
      return;
    }
    this.#underWay = true;
    slot.writer = this;
    this.#socket.write(slot.view, slot.written);
  }

  #grow(slot: Slot, bytes: number): Slot {
    const larger = this.#pool.take(Math.max(2 * slot.bytes.length, slot.usedBytes + bytes));
    larger.bytes.set(slot.view);
    larger.usedBytes = slot.usedBytes;
    this.#pool.give(slot);
    return larger;
  }
}
