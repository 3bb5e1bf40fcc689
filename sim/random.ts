/** Random numbers that a seed reproduces (xorshift32). */
export class SeededRandom {
  #state: number;

  /** @param seed  any number; 0 counts as 1. */
  constructor(seed: number) {
    this.#state = Math.trunc(seed) | 0 || 1;
  }

  /** From 0 up to 1, 1 excluded. */
  next(): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) / 0x1_0000_0000;
  }

  /** A text of 1 to 16 characters. */
  text(): string {
    return "aB3kQ9xZ1mT7pL5w".slice(0, 1 + Math.floor(this.next() * 16));
  }
}
