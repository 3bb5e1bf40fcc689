/**
 * Follows one stream of stamped audio in pieces of any size, and counts what went wrong with it.
 */
import {
  FRAME_BYTES,
  mayBeStamp,
  readFrameText,
  readStamp,
  STAMP_BYTES,
  type Stamp,
  sameBody,
} from "./stamped-audio.js";

/** In frames, unless the name says bytes. One is shared by all streams of a direction. */
export interface Tally {
  frames: number;
  lost: number;
  doubled: number;
  reordered: number;
  altered: number;
  /** Sound between frames that takes no frame's place: the relay's own tones. */
  inserted: number;
  /** Of another call. */
  foreign: number;
  /** Arrived after the `clear` that ended them. */
  stale: number;
  /** Came after they had been counted as lost. */
  late: number;
  /** Silence (0xff) between frames. */
  fillBytes: number;
}

export function newTally(): Tally {
  return {
    frames: 0,
    lost: 0,
    doubled: 0,
    reordered: 0,
    altered: 0,
    inserted: 0,
    foreign: 0,
    stale: 0,
    late: 0,
    fillBytes: 0,
  };
}

export interface CheckerEvents {
  /**
   * A frame of this stream is complete, for the first time. `endOffset`: bytes of the present piece
   * up to its end.
   */
  frame(seq: number, body: number, endOffset: number): void;
  /** The stream's id is not known yet, or another one arrives. True: from now on it is this one. */
  adopt(id: number): boolean;
  /** Length of frame `seq`: the last one of an item may be shorter. */
  frameBytes(seq: number): number;
}

const SILENCE = 0xff;
/** More than this many missing numbers are counted, not remembered. */
const REMEMBERED = 4096;
/** One piece with what was held before it. */
const joined = new Uint8Array(1024 * 1024 + FRAME_BYTES);
const stamp: Stamp = { id: 0, seq: 0, body: 0 };

export class StreamChecker {
  readonly #tally: Tally;
  readonly #events: CheckerEvents;
  #id = -1;
  #next = 0;
  /** Numbers below this one were cut off by a `clear`. */
  #cutBelow = 0;
  #missing: Set<number> | null = null;
  /** Numbers below this one were declared over by `end`. */
  #givenUpBelow = 0;
  readonly #held = new Uint8Array(FRAME_BYTES);
  #heldBytes = 0;
  /** Bytes since the last good frame that belong to none. */
  #junkBytes = 0;

  constructor(tally: Tally, events: CheckerEvents) {
    this.#tally = tally;
    this.#events = events;
  }

  /** The number that should come next. */
  get next(): number {
    return this.#next;
  }

  get id(): number {
    return this.#id;
  }

  /** A new stream follows; what is left of the former one is dropped. */
  follow(id: number, next: number): void {
    this.#id = id;
    this.#next = next;
    this.#cutBelow = 0;
    this.#givenUpBelow = 0;
    this.#missing = null;
    this.#heldBytes = 0;
    this.#junkBytes = 0;
  }

  /** A `clear`: frames below `seq` must not come any more and are not missed. */
  cut(seq: number): void {
    this.#cutBelow = Math.max(this.#cutBelow, seq);
    this.#next = Math.max(this.#next, seq);
    this.#missing = null;
    this.#heldBytes = 0;
    this.#junkBytes = 0;
  }

  /** Frames up to `seq` are not missed, yet may come. */
  excuse(seq: number): void {
    this.#next = Math.max(this.#next, seq);
  }

  /** The stream is over: numbers below `end` that never came are lost. */
  end(end: number): void {
    const unreadable = this.#junkBytes < STAMP_BYTES ? 0 : Math.ceil(this.#junkBytes / FRAME_BYTES);
    this.#junkBytes = 0;
    const missing = Math.max(0, end - this.#next);
    this.#miss(end, missing - this.#unreadable(unreadable, missing));
    this.#next = Math.max(this.#next, end);
    this.#givenUpBelow = this.#next;
  }

  /**
   * Frames whose stamps cannot be read, where `missing` are missed. @returns how many were altered.
   */
  #unreadable(frames: number, missing: number): number {
    const altered = Math.min(frames, missing);
    this.#tally.altered += altered;
    this.#tally.inserted += frames - altered;
    return altered;
  }

  /**
   * One whole frame as base64: the common case, without decoding. False: give it to `push` decoded.
   */
  pushFrameText(text: Uint8Array, at: number): boolean {
    if (this.#heldBytes > 0) return false;
    if (!readFrameText(text, at, stamp)) return false;
    this.#take(stamp.id, stamp.seq, stamp.body, FRAME_BYTES);
    return true;
  }

  /** `bytes` are not kept. */
  push(bytes: Uint8Array, start: number, end: number): void {
    const before = this.#heldBytes;
    if (before > 0) {
      joined.set(this.#held.subarray(0, before), 0);
      joined.set(bytes.subarray(start, end), before);
      bytes = joined;
      end = before + end - start;
      start = 0;
    }
    let at = start;
    while (at < end) {
      const consumed = this.#read(bytes, at, end, at - start - before);
      if (consumed === 0) break;
      at += consumed;
    }
    // This is less than a frame: anything longer was identified.
    this.#heldBytes = end - at;
    if (at < end) this.#held.set(bytes.subarray(at, end), 0);
  }

  /** @returns how many bytes from `at` are dealt with; 0 = more are needed to tell. */
  #read(bytes: Uint8Array, at: number, end: number, offset: number): number {
    if (bytes[at] === SILENCE && this.#junkBytes === 0) {
      this.#tally.fillBytes++;
      return 1;
    }
    if (!mayBeStamp(bytes, at, end)) {
      this.#junkBytes++;
      return 1;
    }
    if (end - at < STAMP_BYTES) return 0;
    if (!readStamp(bytes, at, stamp)) {
      this.#junkBytes++;
      return 1;
    }
    const { id, seq, body } = stamp;
    const frameBytes = id === this.#id ? this.#events.frameBytes(seq) : FRAME_BYTES;
    if (end - at < frameBytes) {
      // Another stamp inside says that this frame was cut short.
      const inner = findStamp(bytes, at + 1, end);
      if (inner < 0) return 0;
      this.#damaged(id, seq, body, offset + inner - at);
      return inner - at;
    }
    if (sameBody(bytes, at, body, frameBytes)) {
      this.#take(id, seq, body, offset + frameBytes);
      return frameBytes;
    }
    const inner = findStamp(bytes, at + 1, at + frameBytes);
    const n = inner < 0 ? frameBytes : inner - at;
    this.#damaged(id, seq, body, offset + n);
    return n;
  }

  /** Of the frames from the next one to below `end`, so many are lost unless they come yet. */
  #miss(end: number, lost: number): void {
    if (lost === 0) return;
    this.#tally.lost += lost;
    this.#missing ??= new Set();
    for (let n = this.#next; n < end && this.#missing.size < REMEMBERED; n++) this.#missing.add(n);
  }

  #damaged(id: number, seq: number, body: number, endOffset: number): void {
    this.#tally.altered++;
    this.#take(id, seq, body, endOffset);
  }

  #take(id: number, seq: number, body: number, endOffset: number): void {
    const tally = this.#tally;
    if (id !== this.#id && !this.#events.adopt(id)) {
      tally.foreign++;
      return;
    }
    // What lay between: frames whose stamps are unreadable, or sound of the relay's own.
    const unreadable =
      this.#junkBytes === 0 ? 0 : Math.max(1, Math.round(this.#junkBytes / FRAME_BYTES));
    this.#junkBytes = 0;
    const missing = Math.max(0, seq - this.#next);
    const altered = this.#unreadable(unreadable, missing);
    if (seq < this.#cutBelow) {
      tally.stale++;
      return;
    }
    if (seq < this.#next) {
      if (this.#missing?.delete(seq) === true) {
        tally.lost--;
        if (seq < this.#givenUpBelow) tally.late++;
        else tally.reordered++;
        tally.frames++;
        this.#events.frame(seq, body, endOffset);
      } else tally.doubled++;
      return;
    }
    if (seq > this.#next) {
      this.#miss(seq, missing - altered);
    }
    this.#next = seq + 1;
    tally.frames++;
    this.#events.frame(seq, body, endOffset);
  }
}

function findStamp(bytes: Uint8Array, from: number, end: number): number {
  for (let at = from; at + 4 <= end; at++) if (mayBeStamp(bytes, at, end)) return at;
  return -1;
}
