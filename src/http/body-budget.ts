/** Bounds the bodies that are being read from peers who have not proved who they are. */

export interface BodyBudgetLimits {
  readonly bytesInAll: number;
  readonly bytesPerAddress: number;
}

/**
 * Twilio sends a body together with its head, so hardly any body waits. 200 callers who arrive at
 * the same moment take 800 KiB. All of Twilio's requests may come from one address, a proxy.
 */
export const BODY_BUDGET: BodyBudgetLimits = {
  bytesInAll: 8 * 1024 * 1024,
  bytesPerAddress: 2 * 1024 * 1024,
};
/** What even the shortest body counts for, because its request is kept, too. */
const MIN_BYTES = 4 * 1024;

export class BodyBudget {
  readonly #limits: BodyBudgetLimits;
  readonly #perAddress = new Map<string, number>();
  #bytes = 0;

  constructor(limits: BodyBudgetLimits = BODY_BUDGET) {
    this.#limits = limits;
  }

  /** All bytes that are reserved now. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * @returns a function that gives the bytes back, once; null: there was no room, and nothing was
   *          reserved.
   */
  reserve(address: string, bodyBytes: number): (() => void) | null {
    const bytes = Math.max(bodyBytes, MIN_BYTES);
    const own = (this.#perAddress.get(address) ?? 0) + bytes;
    if (own > this.#limits.bytesPerAddress) return null;
    if (this.#bytes + bytes > this.#limits.bytesInAll) return null;
    this.#bytes += bytes;
    this.#perAddress.set(address, own);
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.#bytes -= bytes;
      const left = (this.#perAddress.get(address) ?? 0) - bytes;
      if (left > 0) this.#perAddress.set(address, left);
      else this.#perAddress.delete(address);
    };
  }
}
