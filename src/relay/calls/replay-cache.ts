/** What is done once only, as far as this process knows. */
export class ReplayCache {
  readonly #nowMs: () => number;
  /** Key → when it may be forgotten. */
  readonly #claimed = new Map<string, number>();
  readonly #most: number;

  constructor(nowMs: () => number, most = 100_000) {
    this.#nowMs = nowMs;
    this.#most = most;
  }

  /** True for the first that asks for this key within `ttlMs`. */
  claim(key: string, ttlMs: number): boolean {
    const nowMs = this.#nowMs();
    for (const [old, untilMs] of this.#claimed) {
      if (untilMs > nowMs && this.#claimed.size < this.#most) break;
      this.#claimed.delete(old);
    }
    const untilMs = this.#claimed.get(key);
    if (untilMs !== undefined && untilMs > nowMs) return false;
    this.#claimed.set(key, nowMs + ttlMs);
    return true;
  }
}
