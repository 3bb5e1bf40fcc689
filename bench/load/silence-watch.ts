import type { Histogram } from "./histogram.js";

const NONE = -1;

/**
 * How long a caller waits in silence while a reply is owed: from the end of their speech, or of the
 * last sound that they heard, to the next sound.
 */
export class SilenceWatch {
  readonly #silences: Histogram;
  #sinceMs = NONE;

  constructor(silences: Histogram) {
    this.#silences = silences;
  }

  /** A reply is owed and nothing is heard; the last sound or word ended at `sinceMs`. */
  silent(sinceMs: number): void {
    if (this.#sinceMs === NONE) this.#sinceMs = sinceMs;
  }

  /** Sound begins at `atMs`, or nothing is owed any more. */
  over(atMs: number): void {
    if (this.#sinceMs === NONE) return;
    this.#silences.record(atMs - this.#sinceMs);
    this.#sinceMs = NONE;
  }
}
