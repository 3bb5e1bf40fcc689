interface Entry<K, V> {
  readonly key: K;
  value: V;
}

const NONE: never[] = [];

/**
 * A map for a handful of entries at most, searched in the order in which they were set. Each call
 * has many, most of which stay empty: an empty one is 32 bytes, a `Map` 220. What is deleted leaves
 * no garbage, while a `Map` makes a new table.
 */
export class SmallMap<K, V> {
  #entries: Entry<K, V>[] = NONE;

  get size(): number {
    return this.#entries.length;
  }

  get(key: K): V | undefined {
    return this.#entries[this.#indexOf(key)]?.value;
  }

  has(key: K): boolean {
    return this.#indexOf(key) >= 0;
  }

  /** A key that is there keeps its place. */
  set(key: K, value: V): void {
    const entry = this.#entries[this.#indexOf(key)];
    if (entry !== undefined) entry.value = value;
    else if (this.#entries === NONE) this.#entries = [{ key, value }];
    else this.#entries.push({ key, value });
  }

  delete(key: K): void {
    this.#remove(this.#indexOf(key));
  }

  /** @returns  the value that was set first; undefined: there was none. */
  dropOldest(): V | undefined {
    const value = this.#entries[0]?.value;
    this.#remove(0);
    return value;
  }

  clear(): void {
    this.#entries = NONE;
  }

  /** Oldest first, as they are now. */
  values(): V[] {
    return this.#entries.map(({ value }) => value);
  }

  #indexOf(key: K): number {
    for (let i = 0; i < this.#entries.length; i++) if (this.#entries[i]!.key === key) return i;
    return -1;
  }

  #remove(index: number): void {
    const entries = this.#entries;
    if (index < 0 || index >= entries.length) return;
    for (let i = index + 1; i < entries.length; i++) entries[i - 1] = entries[i]!;
    entries.pop();
  }
}
