import type { Clock } from "../ports/clock.js";

/** Rounds in a row that run at once; real tasks need two or three. */
const MAX_ROUNDS = 5;
/** From the answers of one round to the next. What the caller says takes longer. */
const IN_A_ROW_MS = 3_000;
/** By so much grows the pause before each further round is answered, up to the most. */
const PAUSE_STEP_MS = 1_000;
const MAX_PAUSE_MS = 5_000;

/**
 * Counts rounds of tool calls that follow each other without a word to the caller. A model that
 * answers every answer with another tool call would loop as fast as the network allows; from the
 * sixth round on it is told to speak, after a pause.
 */
export class RoundLimit {
  readonly #clock: Pick<Clock, "nowMs">;
  #rounds = 0;
  #answeredMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, "nowMs">) {
    this.#clock = clock;
  }

  /**
   * A response called tools. @returns 0: run them; else the pause in ms, after which they are
   * refused.
   */
  begin(): number {
    const inARow = this.#clock.nowMs() - this.#answeredMs < IN_A_ROW_MS;
    this.#rounds = inARow ? this.#rounds + 1 : 1;
    return Math.min(MAX_PAUSE_MS, Math.max(0, this.#rounds - MAX_ROUNDS) * PAUSE_STEP_MS);
  }

  /** The model has answered the caller in words: the next round is the first. */
  replied(): void {
    this.#answeredMs = Number.NEGATIVE_INFINITY;
  }

  /** The answers of the round go to the model. */
  answered(): void {
    this.#answeredMs = this.#clock.nowMs();
  }
}
