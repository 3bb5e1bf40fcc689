import { MetricRegistry } from "../../src/adapters/metrics/metric-registry.js";
import { METRICS } from "../../src/domain/metric-table.js";
import type { MetricKey, Metrics } from "../../src/ports/metrics.js";

/** The real instruments, with a way to read them: a metric that does not exist fails to compile. */
export class FakeMetrics {
  readonly #registry = new MetricRegistry({ version: "test", processMetrics: false });
  readonly metrics: Metrics = this.#registry.metrics;

  /** What a histogram has observed in all, over all its series. */
  sum(key: MetricKey): number {
    const { buckets } = METRICS[key] as { readonly buckets: readonly number[] };
    const { values, labels } = this.#registry.family(key);
    const width = buckets.length + 2;
    return labels.reduce((sum, _, slot) => sum + (values[(slot + 1) * width - 1] ?? 0), 0);
  }

  /**
   * The value of a counter or gauge, or the number of observations of a histogram, over all
   * series that have the given label values.
   */
  count(key: MetricKey, wanted: Readonly<Record<string, string>> = {}): number {
    const { labels, buckets } = METRICS[key] as {
      readonly labels: readonly { readonly name: string }[];
      readonly buckets?: readonly number[];
    };
    const series = this.#registry.family(key);
    const width = buckets === undefined ? 1 : buckets.length + 2;
    let sum = 0;
    for (const [slot, values] of series.labels.entries()) {
      const fits = labels.every(({ name }, i) => (wanted[name] ?? values[i]) === values[i]);
      // The last number of a histogram's series is the sum of what was observed.
      const counts = series.values.slice(slot * width, (slot + 1) * width - (width > 1 ? 1 : 0));
      if (fits) sum += counts.reduce((a, b) => a + b, 0);
    }
    return sum;
  }
}
