import { BYTES_PER_MS, FRAME_MS } from "../codec/frame.js";

/** Marks over which the smallest delay is taken: about a second of them at one mark per 100 ms. */
const WINDOW = 8;

/**
 * Where the caller's phone is in the audio that was sent to it, in bytes of the current generation.
 *
 * Twilio plays what it holds in real time and echoes a mark when the audio before it has been played. Between
 * two echoes the clock tells: the phone plays 8 bytes a ms from the moment an empty buffer got audio. The echoes
 * then show how late that clock really is: `delay` = arrival of the echo − when the clock says that byte was
 * played. Echoes can only be late, never early, so the smallest delay of the last few is the best estimate.
 * A generation ends with a `clear`; echoes of an older one are not "heard" and are ignored.
 */
export class PlaybackClock {
  #generation = 0;
  #sentBytes = 0;
  #confirmedBytes = 0;
  /** The present run of uninterrupted playing: its first byte and when that byte was sent. */
  #runStartBytes = 0;
  #runStartMs = 0;
  #running = false;
  /** Before any echo: Twilio starts within a frame of the first byte. Kept from one run to the next. */
  #delayMs = FRAME_MS;
  readonly #delays = new Float64Array(WINDOW);
  #delayCount = 0;

  get generation(): number {
    return this.#generation;
  }

  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** What marks have proved to be played. */
  get confirmedBytes(): number {
    return this.#confirmedBytes;
  }

  /** Audio of `n` bytes leaves for Twilio now. */
  sent(n: number, nowMs: number): void {
    if (!this.#running || this.heardBytes(nowMs) >= this.#sentBytes) {
      this.#running = true;
      this.#runStartBytes = this.#sentBytes;
      this.#runStartMs = nowMs;
      this.#delayCount = 0;
    }
    this.#sentBytes += n;
  }

  /** The echo of a mark that was sent behind byte `position` of `generation`. False: it says nothing about now. */
  marked(generation: number, position: number, nowMs: number): boolean {
    if (generation !== this.#generation || position > this.#sentBytes) return false;
    if (position > this.#confirmedBytes) this.#confirmedBytes = position;
    if (this.#running && position > this.#runStartBytes) {
      const delay = nowMs - this.#runStartMs - (position - this.#runStartBytes) / BYTES_PER_MS;
      this.#delays[this.#delayCount++ % WINDOW] = Math.max(0, delay);
      let least = Number.POSITIVE_INFINITY;
      const n = Math.min(this.#delayCount, WINDOW);
      for (let i = 0; i < n; i++) least = Math.min(least, this.#delays[i]!);
      this.#delayMs = least;
    }
    if (this.#confirmedBytes === this.#sentBytes) this.#running = false;
    return true;
  }

  /** Bytes that have been played: at least what marks prove, at most what was sent. */
  heardBytes(nowMs: number): number {
    if (!this.#running) return this.#sentBytes;
    const byClock =
      this.#runStartBytes + Math.floor((nowMs - this.#runStartMs - this.#delayMs) * BYTES_PER_MS);
    return Math.min(this.#sentBytes, Math.max(this.#confirmedBytes, this.#runStartBytes, byClock));
  }

  /** Audio that Twilio still holds, in ms. */
  leadMs(nowMs: number): number {
    return (this.#sentBytes - this.heardBytes(nowMs)) / BYTES_PER_MS;
  }

  /** A `clear` was sent: what was not heard never will be, and echoes of pending marks mean nothing. */
  clear(): void {
    this.#generation++;
    this.#sentBytes = 0;
    this.#confirmedBytes = 0;
    this.#running = false;
  }
}
