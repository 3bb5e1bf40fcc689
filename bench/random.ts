/** By Box and Muller's transform of points spread evenly over the unit square. */
const NORMAL = Float64Array.from({ length: 1 << 16 }, (_, i) => {
  const radius = Math.sqrt(-2 * Math.log((i + 0.5) / (1 << 16)));
  return radius * Math.cos(2 * Math.PI * ((i * 0.6180339887498949) % 1));
});

/** Numbers that look random and are the same in every run with the same seed. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) | 1) >>> 0;
    for (let i = 0; i < 8; i++) this.next();
  }

  /** 0 ≤ x < 1. */
  next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return this.#state / 2 ** 32;
  }

  /** low ≤ x < high. */
  between(low: number, high: number): number {
    return low + this.next() * (high - low);
  }

  /** 0 … n − 1. */
  below(n: number): number {
    return Math.floor(this.next() * n);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** A whole number of the range, both ends included. */
  within([low, high]: readonly [number, number]): number {
    return low + this.below(high - low + 1);
  }

  pick<T>(of: readonly T[]): T {
    const one = of[this.below(of.length)];
    if (one === undefined) throw new Error("nothing to pick from");
    return one;
  }

  /** Mean 0, variance 1: one of 65,536 values that lie as a normal distribution's do. */
  gauss(): number {
    return NORMAL[this.below(NORMAL.length)]!;
  }
}
