/** 32 buckets an octave: a quantile is at most 3.2 % above the true one. */
const SUB_BITS = 5;
const SUB = 1 << SUB_BITS;
/** Up to 2^27 µs, about two minutes; longer counts as that. */
const OCTAVES = 27 - SUB_BITS + 1;
const BUCKETS = SUB * (OCTAVES + 1);

/** Durations in ms, kept as µs in logarithmic buckets. Recording allocates nothing. */
export class Histogram {
  readonly #counts = new Float64Array(BUCKETS);
  #count = 0;
  #max = 0;
  #sum = 0;

  get count(): number {
    return this.#count;
  }

  get maxMs(): number {
    return this.#max;
  }

  get meanMs(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count;
  }

  /** A negative duration (two clocks a hair apart) counts as none. */
  record(ms: number): void {
    const value = Math.max(ms, 0);
    const us = Math.min(Math.round(value * 1000), (1 << 27) - 1);
    let index = us;
    if (us >= SUB) {
      const octave = 31 - Math.clz32(us) - SUB_BITS;
      index = (octave + 1) * SUB + ((us >>> octave) - SUB);
    }
    this.#counts[index]!++;
    this.#count++;
    this.#sum += value;
    if (value > this.#max) this.#max = value;
  }

  /** The value that a share `q` (0–1) of all records does not exceed; 0 when there is none. */
  quantileMs(q: number): number {
    if (this.#count === 0) return 0;
    const rank = Math.max(1, Math.ceil(q * this.#count));
    let seen = 0;
    for (let i = 0; i < BUCKETS; i++) {
      seen += this.#counts[i]!;
      if (seen >= rank) return Math.min(upperMs(i), this.#max);
    }
    return this.#max;
  }

  /** Share of the records at most so long, 0–1. */
  shareUpTo(ms: number): number {
    if (this.#count === 0) return 1;
    let seen = 0;
    for (let i = 0; i < BUCKETS && upperMs(i) <= ms; i++) seen += this.#counts[i]!;
    return seen / this.#count;
  }

  /** Non-empty buckets as [upper bound in ms, count], shortest first: for charts. */
  buckets(): [number, number][] {
    const out: [number, number][] = [];
    for (let i = 0; i < BUCKETS; i++)
      if (this.#counts[i]! > 0) out.push([upperMs(i), this.#counts[i]!]);
    return out;
  }

  reset(): void {
    if (this.#count === 0) return;
    this.#counts.fill(0);
    this.#count = 0;
    this.#max = 0;
    this.#sum = 0;
  }
}

function upperMs(index: number): number {
  if (index < SUB) return index / 1000;
  const octave = Math.floor(index / SUB) - 1;
  return (((index % SUB) + SUB + 1) * 2 ** octave - 1) / 1000;
}
