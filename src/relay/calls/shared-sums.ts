/**
 * A sum for each window of the clock: how often something happened in this hour, or what it cost.
 */

/** Sums that all processes share. Windows begin at full minutes, hours and days of UTC. */
export interface SharedSums {
  /**
   * Adds to the sum of the current window.
   *
   * @returns the sum, with what was added.
   * @throws RelayError `store_unavailable`: nothing was added.
   */
  add(key: string, amount: number, windowMs: number): Promise<number>;
  /** The sum of the current window; 0 where nothing was added. */
  read(key: string, windowMs: number): Promise<number>;
}

/** Which window of this length an instant lies in. */
export function windowAt(epochMs: number, windowMs: number): number {
  return Math.floor(epochMs / windowMs);
}

/** The sums of one process, where no database is shared. */
export class MemorySums implements SharedSums {
  readonly #epochMs: () => number;
  readonly #sums = new Map<string, { readonly window: number; readonly sum: number }>();

  constructor(epochMs: () => number) {
    this.#epochMs = epochMs;
  }

  async add(key: string, amount: number, windowMs: number): Promise<number> {
    const sum = this.#current(key, windowMs) + amount;
    this.#sums.set(key, { window: windowAt(this.#epochMs(), windowMs), sum });
    return sum;
  }

  async read(key: string, windowMs: number): Promise<number> {
    return this.#current(key, windowMs);
  }

  #current(key: string, windowMs: number): number {
    const found = this.#sums.get(key);
    const current = found?.window === windowAt(this.#epochMs(), windowMs);
    if (!current) this.#sums.delete(key);
    return current ? (found?.sum ?? 0) : 0;
  }
}
