/**
 * Audio that identifies itself. Each 160-byte frame (20 ms) carries the id of its stream and its
 * number in the low four bits of its bytes. A generator seeded with both fills the rest, so that
 * any altered byte shows. To an energy VAD, loud frames are speech (about -13 dBov) and quiet ones
 * a silent line (about -50 dBov).
 */

export const IDENTITY_FRAME_BYTES = 160;
const MAGIC = [0xa, 0x5, 0xc, 0x3] as const;
const ID_AT = 4;
const SEQ_AT = 12;
const LOUD_AT = 18;
const BODY_AT = 19;
const LOUD = 0x20;
const QUIET = 0x70;

/** Writes one frame at `at`. `streamId` is 32 bits, `seq` 24 bits. Allocates nothing. */
export function writeIdentityFrame(
  out: Uint8Array,
  at: number,
  streamId: number,
  seq: number,
  loud: boolean,
): void {
  const high = loud ? LOUD : QUIET;
  let state = (Math.imul(streamId ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(seq + 1, 0xc2b2ae35)) | 1;
  for (let i = 0; i < IDENTITY_FRAME_BYTES; i++) {
    let nibble: number;
    if (i >= BODY_AT) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      nibble = (state >>> 11) & 0xf;
    } else if (i < ID_AT) nibble = MAGIC[i]!;
    else if (i < SEQ_AT) nibble = (streamId >>> ((i - ID_AT) * 4)) & 0xf;
    else if (i < LOUD_AT) nibble = (seq >>> ((i - SEQ_AT) * 4)) & 0xf;
    else nibble = loud ? 1 : 0;
    // The sign bit alternates, so that the sound has no direct current. Bit 7 set = positive.
    out[at + i] = high | (i & 1 ? 0x80 : 0) | nibble;
  }
}

/** `frames` frames in a row, from `firstSeq`. */
export function identityAudio(streamId: number, frames: number, loud = true, firstSeq = 0): Buffer {
  const out = Buffer.allocUnsafe(frames * IDENTITY_FRAME_BYTES);
  for (let i = 0; i < frames; i++)
    writeIdentityFrame(out, i * IDENTITY_FRAME_BYTES, streamId, firstSeq + i, loud);
  return out;
}

export interface IdentityStream {
  readonly streamId: number;
  /** Whole, unaltered frames; each number counted once. */
  frames: number;
  /** One above the highest number seen. */
  next: number;
  /** Numbers below `next` that never came. */
  readonly missing: Set<number>;
  duplicated: number;
  /** Arrived after a higher number. */
  reordered: number;
}

export interface IdentityReport {
  frames: number;
  lost: number;
  duplicated: number;
  reordered: number;
  /** Frames whose header was right and whose body was not. */
  altered: number;
  /** 0xFF between frames: silence that was filled in. */
  fillBytes: number;
  /** Bytes of no frame: the cut end of an interrupted item, or other sound. */
  strayBytes: number;
}

/** Checks a byte stream of identity frames, whatever the sizes of its pieces. */
export class IdentityChecker {
  readonly streams = new Map<number, IdentityStream>();
  /** Called for every good frame, with the instant given to `push`. */
  onFrame: ((streamId: number, seq: number, atMs: number) => void) | null = null;
  readonly #expected = new Uint8Array(IDENTITY_FRAME_BYTES);
  readonly #held = new Uint8Array(IDENTITY_FRAME_BYTES * 2);
  #heldBytes = 0;
  #altered = 0;
  #fill = 0;
  #stray = 0;

  /** `bytes` are not kept. */
  push(bytes: Uint8Array, atMs = 0): void {
    let at = 0;
    while (this.#heldBytes > 0 && at < bytes.length) {
      const take = Math.min(IDENTITY_FRAME_BYTES - this.#heldBytes, bytes.length - at);
      this.#held.set(bytes.subarray(at, at + take), this.#heldBytes);
      this.#heldBytes += take;
      at += take;
      const used = this.#scan(this.#held, 0, this.#heldBytes, atMs);
      this.#held.copyWithin(0, used, this.#heldBytes);
      this.#heldBytes -= used;
    }
    at = this.#scan(bytes, at, bytes.length, atMs);
    if (at < bytes.length) {
      this.#held.set(bytes.subarray(at), this.#heldBytes);
      this.#heldBytes += bytes.length - at;
    }
  }

  /** The tail of an unfinished frame counts as stray. */
  report(): IdentityReport {
    const report: IdentityReport = {
      frames: 0,
      lost: 0,
      duplicated: 0,
      reordered: 0,
      altered: this.#altered,
      fillBytes: this.#fill,
      strayBytes: this.#stray + this.#heldBytes,
    };
    for (const stream of this.streams.values()) {
      report.frames += stream.frames;
      report.lost += stream.missing.size;
      report.duplicated += stream.duplicated;
      report.reordered += stream.reordered;
    }
    return report;
  }

  /** @returns where it stopped: at `end`, or where less than a frame is left. */
  #scan(bytes: Uint8Array, at: number, end: number, atMs: number): number {
    while (at < end) {
      if (bytes[at] === 0xff) {
        this.#fill++;
        at++;
        continue;
      }
      if (end - at < IDENTITY_FRAME_BYTES) {
        // Kept only while it may still become a frame.
        if (mayBeginFrame(bytes, at, end)) return at;
        this.#stray++;
        at++;
        continue;
      }
      if (!mayBeginFrame(bytes, at, end)) {
        this.#stray++;
        at++;
        continue;
      }
      const streamId = nibbles(bytes, at + ID_AT, 8);
      const seq = nibbles(bytes, at + SEQ_AT, 6);
      const loud = (bytes[at + LOUD_AT]! & 0xf) === 1;
      writeIdentityFrame(this.#expected, 0, streamId, seq, loud);
      if (same(this.#expected, bytes, at)) {
        this.#seen(streamId, seq, atMs);
        at += IDENTITY_FRAME_BYTES;
      } else if (
        this.#knows(streamId, seq) &&
        !anotherBegins(bytes, at + 1, at + IDENTITY_FRAME_BYTES)
      ) {
        this.#altered++;
        this.#seen(streamId, seq, atMs);
        at += IDENTITY_FRAME_BYTES;
      } else {
        this.#stray++;
        at++;
      }
    }
    return at;
  }

  /** A header counts only where it announces a frame that can come next. */
  #knows(streamId: number, seq: number): boolean {
    const stream = this.streams.get(streamId);
    return stream === undefined ? seq === 0 : Math.abs(seq - stream.next) < 50;
  }

  #seen(streamId: number, seq: number, atMs: number): void {
    let stream = this.streams.get(streamId);
    if (stream === undefined) {
      stream = { streamId, frames: 0, next: 0, missing: new Set(), duplicated: 0, reordered: 0 };
      this.streams.set(streamId, stream);
    }
    if (seq >= stream.next) {
      for (let missing = stream.next; missing < seq; missing++) stream.missing.add(missing);
      stream.next = seq + 1;
      stream.frames++;
    } else if (stream.missing.delete(seq)) {
      stream.reordered++;
      stream.frames++;
    } else {
      stream.duplicated++;
    }
    this.onFrame?.(streamId, seq, atMs);
  }
}

function mayBeginFrame(bytes: Uint8Array, at: number, end: number): boolean {
  const high = bytes[at]! & 0xf0;
  if (high !== LOUD && high !== QUIET) return false;
  const known = Math.min(MAGIC.length, end - at);
  for (let i = 0; i < known; i++) {
    if (bytes[at + i] !== (high | (i & 1 ? 0x80 : 0) | MAGIC[i]!)) return false;
  }
  return true;
}

function anotherBegins(bytes: Uint8Array, at: number, end: number): boolean {
  for (let i = at; i < end - MAGIC.length; i++) if (mayBeginFrame(bytes, i, end)) return true;
  return false;
}

function nibbles(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let i = 0; i < count; i++) value |= (bytes[at + i]! & 0xf) << (i * 4);
  return value >>> 0;
}

function same(expected: Uint8Array, bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < IDENTITY_FRAME_BYTES; i++) if (expected[i] !== bytes[at + i]) return false;
  return true;
}
