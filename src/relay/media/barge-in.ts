/** From a pause that was not confirmed: local VAD is not trusted for so long, doubled each time. */
const DISTRUST_MS = 1_000;
const DISTRUST_MOST_MS = 30_000;
/** The first of them is an honest mistake: a cough. */
const MISTAKES_FREE = 2;

/**
 * Two-stage barge-in (promise B3), as decisions only: local speech during playout pauses it at
 * once; the model's `speech_started` makes it an interruption; without that, playout goes on where
 * it stopped. A line on which pauses are never confirmed (a television, an echo) is paused less and
 * less often.
 */
export class BargeIn {
  readonly #confirmMs: number;
  #pausedMs: number | null = null;
  #mistakes = 0;
  #distrustUntilMs = Number.NEGATIVE_INFINITY;

  constructor(confirmMs: number) {
    this.#confirmMs = confirmMs;
  }

  get isPaused(): boolean {
    return this.#pausedMs !== null;
  }

  /** The caller begins to speak while the agent is heard. True: pause. */
  onset(nowMs: number): boolean {
    if (this.#pausedMs !== null || nowMs < this.#distrustUntilMs) return false;
    this.#pausedMs = nowMs;
    return true;
  }

  /** At every tick. True: it was not confirmed in time, playout goes on. */
  expired(nowMs: number): boolean {
    if (this.#pausedMs === null || nowMs - this.#pausedMs < this.#confirmMs) return false;
    this.#pausedMs = null;
    this.#mistakes++;
    const doublings = this.#mistakes - MISTAKES_FREE;
    if (doublings >= 0)
      this.#distrustUntilMs = nowMs + Math.min(DISTRUST_MOST_MS, DISTRUST_MS * 2 ** doublings);
    return true;
  }

  /** The model heard the caller too. True: playout was paused for it. */
  confirmed(): boolean {
    const paused = this.#pausedMs !== null;
    this.#pausedMs = null;
    this.#mistakes = 0;
    this.#distrustUntilMs = Number.NEGATIVE_INFINITY;
    return paused;
  }

  /** What was paused is gone, by whatever else ended it. */
  forget(): void {
    this.#pausedMs = null;
  }
}
