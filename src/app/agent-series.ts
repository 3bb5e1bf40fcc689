import { METRICS } from "../domain/metric-table.js";
import type { Metrics } from "../ports/metrics.js";

/**
 * Begins the counters of an agent with 0. Prometheus sees no increase in a series that begins
 * with 1, so that an agent's first failed call would count for nothing.
 */
export function beginAgentSeries(metrics: Pick<Metrics, "calls" | "bargeIns">, name: string): void {
  const [, outcome] = METRICS.calls.labels;
  const [, source] = METRICS.bargeIns.labels;
  for (const value of outcome.values) metrics.calls.add(0, name, value);
  for (const value of source.values) metrics.bargeIns.add(0, name, value);
}
