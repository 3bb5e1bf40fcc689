import { createHash } from "node:crypto";
import { RelayError } from "../../domain/errors.js";
import type { Clock } from "../../ports/clock.js";
import type { SharedState } from "../../ports/store.js";
import { type SharedSums, windowAt } from "../../relay/calls/shared-sums.js";

/** Another process may write between reading and writing; more often than this it does not. */
const TRIES = 20;

/** Sums in the database. */
export class StoredSums implements SharedSums {
  readonly #store: SharedState;
  readonly #clock: Clock;

  constructor(store: SharedState, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  async add(key: string, amount: number, windowMs: number): Promise<number> {
    const name = this.#nameOf(key, windowMs);
    for (let i = 0; i < TRIES; i++) {
      const found = await this.#store.getState(name);
      const sum = sumIn(found) + amount;
      if (await this.#store.putState(name, String(sum), windowMs, found?.version ?? 0)) return sum;
    }
    throw new RelayError("store_unavailable", "a shared sum is written too often", {
      retryable: true,
    });
  }

  async read(key: string, windowMs: number): Promise<number> {
    return sumIn(await this.#store.getState(this.#nameOf(key, windowMs)));
  }

  #nameOf(key: string, windowMs: number): string {
    // A key may contain a phone number, which does not belong in a name.
    const hash = createHash("sha256").update(key).digest("hex").slice(0, 32);
    return `sum:${hash}:${windowAt(this.#clock.epochMs(), windowMs)}`;
  }
}

/**
 * What another process has written. A text that is no number counts as none: with NaN every limit
 * of the window would be off.
 */
function sumIn(found: { readonly value: string } | null): number {
  const sum = Number(found?.value ?? 0);
  return Number.isFinite(sum) ? sum : 0;
}
