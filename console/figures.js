// Reads a few figures from Prometheus text. Pure.

/** @typedef {{ name: string, labels: string, value: number }} Sample */

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{([^}]*)\})?\s+(\S+)/;

export class Figures {
  /** @type {Map<string, Sample[]>} */
  #samples = new Map();

  /** @param {string} text of GET /metrics. */
  constructor(text) {
    for (const line of text.split("\n")) {
      const [, name, labels = "", value] = LINE.exec(line) ?? [];
      if (name === undefined) continue;
      const list = this.#samples.get(name) ?? [];
      list.push({ name, labels, value: Number(value) });
      this.#samples.set(name, list);
    }
  }

  /** The sum over all workers and labels; null: there is no such series. @param {string} name @param {string} [label] `outcome="failed"` */
  sum(name, label = "") {
    const matching = (this.#samples.get(name) ?? []).filter(({ labels }) => labels.includes(label));
    return matching.length === 0 ? null : matching.reduce((sum, { value }) => sum + value, 0);
  }

  /** By worker. @param {string} name @returns {Map<number, number>} */
  byWorker(name) {
    /** @type {Map<number, number>} */
    const sums = new Map();
    for (const { labels, value } of this.#samples.get(name) ?? []) {
      const worker = /(?:^|,)worker="(\d+)"/.exec(labels)?.[1];
      if (worker !== undefined) sums.set(Number(worker), (sums.get(Number(worker)) ?? 0) + value);
    }
    return sums;
  }

  /**
   * @param {string} name of a histogram in seconds.
   * @param {number} share 0.5 for the median.
   * @returns {number | null} ms, at most the highest bound; null: no observations.
   */
  quantileMs(name, share) {
    /** @type {Map<number, number>} */
    const buckets = new Map();
    for (const { labels, value } of this.#samples.get(`${name}_bucket`) ?? []) {
      const bound = /(?:^|,)le="([^"]+)"/.exec(labels)?.[1];
      const upper = bound === "+Inf" ? Number.POSITIVE_INFINITY : Number(bound);
      buckets.set(upper, (buckets.get(upper) ?? 0) + value);
    }
    const bounds = [...buckets].sort(([a], [b]) => a - b);
    const wanted = (bounds.at(-1)?.[1] ?? 0) * share;
    if (wanted === 0) return null;
    let [low, below] = [0, 0];
    for (const [upper, count] of bounds) {
      if (count >= wanted) {
        if (!Number.isFinite(upper)) return low * 1000;
        return (low + ((upper - low) * (wanted - below)) / Math.max(1, count - below)) * 1000;
      }
      [low, below] = [upper, count];
    }
    return low * 1000;
  }
}
