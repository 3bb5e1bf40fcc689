import { ULAW_SILENCE } from "./ulaw.js";

/** The sample rate of the telephone network; mu-law has one byte per sample. */
export const SAMPLE_RATE_HZ = 8000;
export const BYTES_PER_MS = 8;

/** The ptime of Twilio Media Streams. */
export const FRAME_MS = 20;
export const FRAME_BYTES = 160;

/** Whole bytes of audio within `ms`, rounded down. */
export function msToBytes(ms: number): number {
  return Math.floor(ms * BYTES_PER_MS);
}

/**
 * Whole ms of audio within `bytes`, rounded down: `audio_end_ms` may never exceed what was sent.
 */
export function bytesToMs(bytes: number): number {
  return Math.floor(bytes / BYTES_PER_MS);
}

/** Takes each frame. `bytes[start … start + FRAME_BYTES)` is valid until the call returns. */
export interface FrameSink {
  frame(bytes: Uint8Array, start: number): void;
}

/**
 * Cuts audio that comes in chunks of any size into frames, in order and byte for byte. The rest
 * that does not fill a frame waits for the next chunk. A frame that lies whole within a chunk is
 * not copied.
 */
export class FrameCutter {
  readonly #rest = new Uint8Array(FRAME_BYTES);
  #restBytes = 0;

  /** Bytes held back, 0 … FRAME_BYTES - 1. */
  get restBytes(): number {
    return this.#restBytes;
  }

  /** Cuts `chunk[start … end)`. Keeps no reference to the chunk. */
  push(chunk: Uint8Array, start: number, end: number, sink: FrameSink): void {
    let at = start;
    if (this.#restBytes > 0) {
      while (at < end && this.#restBytes < FRAME_BYTES)
        this.#rest[this.#restBytes++] = chunk[at++]!;
      if (this.#restBytes < FRAME_BYTES) return;
      this.#restBytes = 0;
      sink.frame(this.#rest, 0);
    }
    for (; at + FRAME_BYTES <= end; at += FRAME_BYTES) sink.frame(chunk, at);
    while (at < end) this.#rest[this.#restBytes++] = chunk[at++]!;
  }

  /**
   * Fills the rest up to a frame with silence and passes it on. @returns false: there was no rest.
   */
  flush(sink: FrameSink): boolean {
    if (this.#restBytes === 0) return false;
    this.#rest.fill(ULAW_SILENCE, this.#restBytes);
    this.#restBytes = 0;
    sink.frame(this.#rest, 0);
    return true;
  }

  /** Drops the rest. */
  clear(): void {
    this.#restBytes = 0;
  }
}
