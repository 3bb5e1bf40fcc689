/**
 * Work that strangers cause, one piece in each turn of the event loop: whatever they send at once,
 * a caller's frame waits for one piece only.
 */
export class OneATurn {
  readonly #most: number;
  readonly #waiting: (() => void)[] = [];

  /** @param most  pieces that may wait. */
  constructor(most: number) {
    this.#most = most;
  }

  /** False: too many wait, and `work` will not run. */
  run(work: () => void): boolean {
    if (this.#waiting.length >= this.#most) return false;
    this.#waiting.push(work);
    if (this.#waiting.length === 1) setImmediate(this.#next);
    return true;
  }

  readonly #next = (): void => {
    const work = this.#waiting[0];
    try {
      work?.();
    } finally {
      this.#waiting.shift();
      if (this.#waiting.length > 0) setImmediate(this.#next);
    }
  };
}
