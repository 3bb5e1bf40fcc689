/**
 * Counted from the server's report that the caller speaks. On Media Streams the relay hears within
 * seconds that the server has missed the end of a turn (`relay/call/missed-end.ts`; its limit of
 * 60 s is for a line that is never quiet). Here it hears nothing and can only limit the turn. A
 * shorter limit would interrupt callers who explain something at length without a pause; with a
 * longer one, a caller who waits for a reply would think that the line is dead.
 */
export const LONGEST_TURN_MS = 25_000;

/**
 * The caller's turn on a path whose audio the relay does not hear: since when the relay assumes
 * that the caller is silent although the server reports that they speak.
 */
export class UnheardTurn {
  /** When the server reported that the caller began to speak; null: they are not speaking. */
  #sinceMs: number | null = null;
  #isOverruled = false;

  /** A new session begins, or the server reports that the caller starts or stops speaking. */
  reported(speaking: boolean, nowMs: number): void {
    this.#sinceMs = speaking ? nowMs : null;
    this.#isOverruled = false;
  }

  /**
   * A response begins although the turn is open, so the server has missed its end. It may miss the
   * end of the next turn as well.
   */
  overruled(): void {
    this.#isOverruled = this.#sinceMs !== null;
  }

  /**
   * The caller hears the agent. If the turn was overruled, their next one may begin from now on.
   */
  sounds(nowMs: number): void {
    if (this.#isOverruled) this.#sinceMs = nowMs;
  }

  /**
   * Since when the caller is assumed to be silent; null: the server reports their silence itself,
   * or they may still be speaking.
   */
  silentSinceMs(nowMs: number): number | null {
    if (this.#sinceMs === null) return null;
    const endMs = this.#sinceMs + LONGEST_TURN_MS;
    return nowMs >= endMs ? endMs : null;
  }
}
