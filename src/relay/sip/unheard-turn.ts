/**
 * From the server's report that the caller speaks. On this path the relay does not hear the caller,
 * so it cannot tell a long turn from one whose end the server has missed, as it does within seconds
 * on Media Streams (`relay/call/missed-end.ts`, where 60 s bound a line that is never quiet). A
 * shorter time would interrupt callers who explain something at length without a pause; after a
 * longer one, a caller whose end was missed would take the line for dead.
 */
export const LONGEST_TURN_MS = 25_000;

/**
 * The caller's turn on a path whose audio the relay does not hear: since when the caller has to be
 * taken for silent although the server reports that they speak.
 */
export class UnheardTurn {
  /** Since when the server takes the caller to be speaking; null: it does not. */
  #sinceMs: number | null = null;
  #isOverruled = false;

  /** Another session begins, or the server reports that the caller starts or stops to speak. */
  reported(speaking: boolean, nowMs: number): void {
    this.#sinceMs = speaking ? nowMs : null;
    this.#isOverruled = false;
  }

  /** A response begins in spite of the turn: its end was missed, and that of the next one may be. */
  overruled(): void {
    this.#isOverruled = this.#sinceMs !== null;
  }

  /** The caller hears the agent. After a turn that was overruled they may speak from then on. */
  sounds(nowMs: number): void {
    if (this.#isOverruled) this.#sinceMs = nowMs;
  }

  /** Null: the caller is silent by the server's report, or may be speaking. */
  silentSinceMs(nowMs: number): number | null {
    if (this.#sinceMs === null) return null;
    const endMs = this.#sinceMs + LONGEST_TURN_MS;
    return nowMs >= endMs ? endMs : null;
  }
}
