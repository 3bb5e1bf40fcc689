const MAX_WINDOW = 64;
/** Shared by all medians: only one of them is computed at a time. */
const sorted = new Float64Array(MAX_WINDOW);

/**
 * The median of the last few values. Single values that are far off do not move it; a change that
 * stays does, after half a window. Allocates nothing after its first value.
 */
export class RunningMedian {
  /** Not a typed array, because its separate memory would be four times as large. */
  readonly #values: number[] = [];
  readonly #window: number;
  #added = 0;
  #median = Number.NaN;

  /**
   * @param window  how many values count, at most 64.
   * @throws RangeError for more.
   */
  constructor(window: number) {
    if (window > MAX_WINDOW)
      throw new RangeError(`window must be at most ${MAX_WINDOW}, not ${window}`);
    this.#window = window;
  }

  /** How many values count now. */
  get count(): number {
    return Math.min(this.#added, this.#window);
  }

  /** NaN while there is none. */
  get value(): number {
    return this.#median;
  }

  add(value: number): void {
    this.#values[this.#added++ % this.#window] = value;
    const n = this.count;
    // Insertion sort: it is the fastest for so few values.
    for (let i = 0; i < n; i++) {
      const next = this.#values[i]!;
      let at = i;
      for (; at > 0 && sorted[at - 1]! > next; at--) sorted[at] = sorted[at - 1]!;
      sorted[at] = next;
    }
    const half = n >> 1;
    const upper = sorted[half]!;
    this.#median = n % 2 === 1 ? upper : (sorted[half - 1]! + upper) / 2;
  }

  clear(): void {
    this.#added = 0;
    this.#median = Number.NaN;
  }
}
