import type { Clock } from "../ports/clock.js";
import { TokenBuckets } from "./token-buckets.js";

/** Wrong tokens that are answered at once, for people who mistype. Later ones wait. */
const AT_ONCE = { capacity: 5, perSecond: 0.1 };
/** From the wrong token to its answer. */
const DELAY_MS = 1_000;
/** Answers that may wait. With more, tokens from that address are not even compared. */
const MAX_WAITING_PER_ADDRESS = 8;
const MAX_WAITING = 64;

/**
 * Slows those who guess operator tokens: at most eight guesses a second from one address and 64 in
 * all. A correct token is accepted at once meanwhile, unless its address has that many guesses
 * open.
 */
export class TokenThrottle {
  readonly #clock: Clock;
  readonly #atOnce = new TokenBuckets(AT_ONCE);
  readonly #waiting = new Map<string, number>();
  #waitingInAll = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True: too many wrong tokens from this address wait for their answers. Compare no more. */
  isBlocked(address: string): boolean {
    return (
      this.#waitingInAll >= MAX_WAITING ||
      (this.#waiting.get(address) ?? 0) >= MAX_WAITING_PER_ADDRESS
    );
  }

  /** Resolves when a wrong token from this address may be answered. */
  async wrongToken(address: string): Promise<void> {
    if (this.#atOnce.take(address, this.#clock.nowMs())) return;
    this.#count(address, 1);
    await new Promise<void>((resolve) => {
      this.#clock.after(DELAY_MS, resolve);
    });
    this.#count(address, -1);
  }

  #count(address: string, by: number): void {
    this.#waitingInAll += by;
    const waiting = (this.#waiting.get(address) ?? 0) + by;
    if (waiting > 0) this.#waiting.set(address, waiting);
    else this.#waiting.delete(address);
  }
}
