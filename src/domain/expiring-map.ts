/** What an entry's removal was caused by. */
export type Removal = "expired" | "full";

export interface ExpiringMapOptions<Key, Value> {
  /** Time to live of an entry whose `set` names no other, in ms. */
  readonly ttlMs: number;
  /** The oldest entries beyond this size are removed. Default: no limit. */
  readonly maxSize?: number;
  /** Called once for each entry that its age or the size limit removes; not for `delete`. */
  readonly onRemoved?: (key: Key, value: Value, why: Removal) => void;
}

interface Entry<Value> {
  readonly value: Value;
  readonly expiresMs: number;
}

/**
 * A map that forgets: each entry has a time to live, and the map a size limit. An expired entry is
 * never returned. Memory is taken back at the next `set`, oldest entries first, so that no timer is
 * needed. Time is an argument: any clock in ms will do, as long as one map always gets the same.
 */
export class ExpiringMap<Key, Value> {
  readonly #entries = new Map<Key, Entry<Value>>();
  readonly #ttlMs: number;
  readonly #maxSize: number;
  readonly #onRemoved: ((key: Key, value: Value, why: Removal) => void) | null;

  constructor(options: ExpiringMapOptions<Key, Value>) {
    this.#ttlMs = options.ttlMs;
    this.#maxSize = options.maxSize ?? Number.POSITIVE_INFINITY;
    this.#onRemoved = options.onRemoved ?? null;
  }

  /** Entries whose memory is held, expired ones included. */
  get size(): number {
    return this.#entries.size;
  }

  /** Stores a value as the newest entry, in place of an older one with the same key. */
  set(key: Key, value: Value, nowMs: number, ttlMs = this.#ttlMs): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, expiresMs: nowMs + ttlMs });
    this.sweep(nowMs);
  }

  /** Undefined: there is none, or it has expired. */
  get(key: Key, nowMs: number): Value | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && entry.expiresMs > nowMs ? entry.value : undefined;
  }

  has(key: Key, nowMs: number): boolean {
    const entry = this.#entries.get(key);
    return entry !== undefined && entry.expiresMs > nowMs;
  }

  /** Removes an entry and returns its value; undefined when there is none or it has expired. */
  take(key: Key, nowMs: number): Value | undefined {
    const value = this.get(key, nowMs);
    this.#entries.delete(key);
    return value;
  }

  delete(key: Key): void {
    this.#entries.delete(key);
  }

  /** Values that have not expired, oldest first. */
  *values(nowMs: number): IterableIterator<Value> {
    for (const { value, expiresMs } of this.#entries.values()) if (expiresMs > nowMs) yield value;
  }

  /**
   * Removes expired entries from the oldest on, up to the first that is still good, and then what
   * is beyond the size limit. Entries with a shorter time than an older neighbour stay in memory a
   * little longer; they are not returned.
   */
  sweep(nowMs: number): void {
    for (const [key, { value, expiresMs }] of this.#entries) {
      const expired = expiresMs <= nowMs;
      if (!expired && this.#entries.size <= this.#maxSize) return;
      this.#entries.delete(key);
      this.#onRemoved?.(key, value, expired ? "expired" : "full");
    }
  }
}
