import { ExpiringMap } from "../../domain/expiring-map.js";

/** Finds out whether something has been done before, as far as this process knows. */
export class ReplayCache {
  readonly #nowMs: () => number;
  readonly #claimed: ExpiringMap<string, true>;

  /** @param maxSize  the oldest keys beyond this are forgotten before their time. */
  constructor(nowMs: () => number, maxSize = 100_000) {
    this.#nowMs = nowMs;
    this.#claimed = new ExpiringMap({ ttlMs: 0, maxSize });
  }

  /** True for the first that asks for this key within `ttlMs`. */
  claim(key: string, ttlMs: number): boolean {
    const nowMs = this.#nowMs();
    if (this.#claimed.has(key, nowMs)) return false;
    this.#claimed.set(key, true, nowMs, ttlMs);
    return true;
  }
}
