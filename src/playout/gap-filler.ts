import { BYTES_PER_MS, FRAME_MS } from "../codec/frame.js";

/**
 * A longer gap means that the stream's clock was set anew. No more silence than this is inserted at
 * once.
 */
export const GAP_LIMIT_MS = 10_000;

/**
 * Keeps the model's audio clock equal to the call's clock. Twilio stamps every frame with the ms
 * since the stream began. Where frames are missing, the same amount of silence must be appended.
 * Frames are never dropped or changed.
 */
export class GapFiller {
  #started = false;
  #originMs = 0;
  #appendedBytes = 0;

  /** Caller audio accounted for so far, in ms: the call's audio clock. */
  get audioMs(): number {
    return this.#appendedBytes / BYTES_PER_MS;
  }

  /**
   * A frame of `bytes` bytes stamped `timestampMs` has arrived.
   *
   * @returns bytes of silence that belong before it; usually 0. Timestamps that are off by less
   *          than a frame are no gap.
   */
  frame(timestampMs: number, bytes: number): number {
    if (!this.#started) {
      this.#started = true;
      this.#originMs = timestampMs;
    }
    const behindMs = timestampMs - this.#originMs - this.audioMs;
    let fill = 0;
    if (behindMs >= FRAME_MS) fill = Math.round(Math.min(behindMs, GAP_LIMIT_MS) * BYTES_PER_MS);
    // The stream's clock was set anew, or ran back: it counts from here on.
    if (behindMs > GAP_LIMIT_MS || behindMs < -GAP_LIMIT_MS) {
      this.#originMs = timestampMs - this.audioMs - fill / BYTES_PER_MS;
    }
    this.#appendedBytes += fill + bytes;
    return fill;
  }
}
