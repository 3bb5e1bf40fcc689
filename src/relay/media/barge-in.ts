/** A hold that nobody confirms makes the next one less likely: so long is the ear distrusted, doubled each time. */
const DISTRUST_MS = 1_000;
const DISTRUST_MOST_MS = 30_000;
/** The first of them is an honest mistake: a cough. */
const MISTAKES_FREE = 2;

/**
 * Two-stage barge-in (promise B3), as decisions only: local speech during playout holds it at once; the model's
 * `speech_started` makes it an interruption; without that, playout goes on where it stopped. A line on which holds are
 * never confirmed (a television, an echo) is held less and less often.
 */
export class BargeIn {
  readonly #confirmMs: number;
  #heldMs: number | null = null;
  #mistakes = 0;
  #distrustUntilMs = Number.NEGATIVE_INFINITY;

  constructor(confirmMs: number) {
    this.#confirmMs = confirmMs;
  }

  get holding(): boolean {
    return this.#heldMs !== null;
  }

  /** The caller begins to speak while the agent is heard. True: hold. */
  onset(nowMs: number): boolean {
    if (this.#heldMs !== null || nowMs < this.#distrustUntilMs) return false;
    this.#heldMs = nowMs;
    return true;
  }

  /** At every tick. True: nobody confirmed it in time, playout goes on. */
  expired(nowMs: number): boolean {
    if (this.#heldMs === null || nowMs - this.#heldMs < this.#confirmMs) return false;
    this.#heldMs = null;
    this.#mistakes++;
    const doublings = this.#mistakes - MISTAKES_FREE;
    if (doublings >= 0)
      this.#distrustUntilMs = nowMs + Math.min(DISTRUST_MOST_MS, DISTRUST_MS * 2 ** doublings);
    return true;
  }

  /** The model heard the caller too. True: playout was held for it. */
  confirmed(): boolean {
    const held = this.#heldMs !== null;
    this.#heldMs = null;
    this.#mistakes = 0;
    this.#distrustUntilMs = Number.NEGATIVE_INFINITY;
    return held;
  }

  /** What was held is gone, by whatever else ended it. */
  forget(): void {
    this.#heldMs = null;
  }
}
