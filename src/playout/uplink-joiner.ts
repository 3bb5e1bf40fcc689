import { copyAudio } from "../codec/audio-core.js";

/**
 * Caller frames on their way to the model, put together into fewer and larger messages while the
 * caller is silent. Order and bytes are kept: what waits here is always older than the next frame.
 */
export class UplinkJoiner {
  readonly #buffer: Uint8Array;
  #length = 0;

  /** @param limitBytes  the most that may wait. */
  constructor(limitBytes: number) {
    this.#buffer = new Uint8Array(limitBytes);
  }

  get length(): number {
    return this.#length;
  }

  /** What waits: the first `length` bytes. Valid until the next `push` or `clear`. */
  get bytes(): Uint8Array {
    return this.#buffer;
  }

  /** Copies `ulaw[start, end)`. @returns false: it does not fit, and nothing was taken. */
  push(ulaw: Uint8Array, start: number, end: number): boolean {
    const n = end - start;
    const at = this.#length;
    if (at + n > this.#buffer.length) return false;
    copyAudio(ulaw, start, end, this.#buffer, at);
    this.#length = at + n;
    return true;
  }

  clear(): void {
    this.#length = 0;
  }
}
