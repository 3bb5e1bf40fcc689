import type { Log, LogFields } from "../ports/log.js";
import { TokenBuckets } from "./token-buckets.js";

/** A few lines explain a wrong setting; after them one a minute says that it goes on. */
const PER_ADDRESS = { capacity: 5, perSecond: 1 / 60 };
const IN_ALL = { capacity: 50, perSecond: 1 };

/**
 * Log lines about refused requests, bounded per address and in all, so that a stranger cannot fill
 * the disk. The counters `auth_failures_total` and `http_requests_seconds` still count each one.
 */
export class RefusalLog {
  readonly #log: Log;
  readonly #nowMs: () => number;
  readonly #perAddress = new TokenBuckets(PER_ADDRESS);
  readonly #inAll = new TokenBuckets(IN_ALL);
  #suppressed = 0;

  constructor(log: Log, nowMs: () => number) {
    this.#log = log;
    this.#nowMs = nowMs;
  }

  /** @param details  only called when the line is written. */
  refused(text: string, address: string, details: () => LogFields, error?: unknown): void {
    const nowMs = this.#nowMs();
    if (!this.#perAddress.take(address, nowMs) || !this.#inAll.take("", nowMs)) {
      this.#suppressed += 1;
      return;
    }
    const suppressed = this.#suppressed > 0 ? { suppressed: this.#suppressed } : {};
    this.#suppressed = 0;
    this.#log.warn(text, { address, ...details(), ...suppressed }, error);
  }
}
