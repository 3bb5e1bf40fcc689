export interface TokenBucketLimits {
  /** Tokens of a bucket that has not been used for long. */
  readonly capacity: number;
  readonly perSecond: number;
}

interface Bucket {
  tokens: number;
  updatedMs: number;
}

/** Buckets in memory. An attacker with more addresses than this starts with full ones again. */
const MAX_BUCKETS = 4096;

/** A token bucket per key, for example per network address. Time is an argument. */
export class TokenBuckets {
  readonly #limits: TokenBucketLimits;
  readonly #buckets = new Map<string, Bucket>();

  constructor(limits: TokenBucketLimits) {
    this.#limits = limits;
  }

  /** Takes a token; false: the bucket is empty. */
  take(key: string, nowMs: number): boolean {
    const bucket = this.#refilled(key, nowMs) ?? {
      tokens: this.#limits.capacity,
      updatedMs: nowMs,
    };
    // Set anew, so that the buckets that were not used for the longest time are dropped first.
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    for (const oldest of this.#buckets.keys()) {
      if (this.#buckets.size <= MAX_BUCKETS) break;
      this.#buckets.delete(oldest);
    }
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  /** True when `take` would return false. Takes nothing. */
  isEmpty(key: string, nowMs: number): boolean {
    const bucket = this.#refilled(key, nowMs);
    return bucket !== undefined && bucket.tokens < 1;
  }

  #refilled(key: string, nowMs: number): Bucket | undefined {
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return undefined;
    const { capacity, perSecond } = this.#limits;
    const earned = (Math.max(0, nowMs - bucket.updatedMs) / 1000) * perSecond;
    bucket.tokens = Math.min(capacity, bucket.tokens + earned);
    bucket.updatedMs = nowMs;
    return bucket;
  }
}
