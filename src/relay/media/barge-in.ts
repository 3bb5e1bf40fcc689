/** From an unconfirmed pause: local VAD is not trusted for this long, doubled each further time. */
const DISTRUST_MS = 1_000;
const MAX_DISTRUST_MS = 30_000;
/** The first unconfirmed pause may have been a cough and has no consequence. */
const FREE_MISTAKES = 1;

/**
 * Decides about the pause of a two-stage barge-in (promise B3). Local speech pauses playout at
 * once. The model's `speech_started` confirms the pause as an interruption. Without it, playout
 * goes on where it stopped. On a line where pauses are not confirmed (a television, an echo),
 * playout is paused less and less often. Pure.
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

  /** Local VAD hears the caller begin to speak during playout. True: pause. */
  onset(nowMs: number): boolean {
    if (this.#pausedMs !== null || nowMs < this.#distrustUntilMs) return false;
    this.#pausedMs = nowMs;
    return true;
  }

  /** Asked at every tick. True: the pause was not confirmed in time, so playout goes on. */
  expired(nowMs: number): boolean {
    if (this.#pausedMs === null || nowMs - this.#pausedMs < this.#confirmMs) return false;
    this.#pausedMs = null;
    this.#mistakes++;
    const doublings = this.#mistakes - FREE_MISTAKES - 1;
    if (doublings >= 0)
      this.#distrustUntilMs = nowMs + Math.min(MAX_DISTRUST_MS, DISTRUST_MS * 2 ** doublings);
    return true;
  }

  /** The model has heard the caller, too. True: playout was paused. */
  confirmed(): boolean {
    const paused = this.#pausedMs !== null;
    this.#pausedMs = null;
    this.#mistakes = 0;
    this.#distrustUntilMs = Number.NEGATIVE_INFINITY;
    return paused;
  }

  /** The paused audio is gone for another reason: a supervisor, or the end of the stream. */
  forget(): void {
    this.#pausedMs = null;
  }
}
