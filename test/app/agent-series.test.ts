import { expect, it } from "vitest";
import { MetricRegistry } from "../../src/adapters/metrics/metric-registry.js";
import { beginAgentSeries } from "../../src/app/agent-series.js";
import { readSamples } from "../fakes/exposition-reader.js";

it("the counters of each agent exist with 0 before its first call, and keep their counts", async () => {
  const registry = new MetricRegistry({ version: "test", processMetrics: false });
  registry.metrics.calls.add(3, "support", "completed");
  for (const name of ["support", "sales", "support"]) beginAgentSeries(registry.metrics, name);
  const samples = readSamples((await registry.scrape()).body);
  const calls = samples.filter(({ name }) => name === "murelay_calls_total");
  expect(calls).toHaveLength(10);
  expect(calls.filter(({ value }) => value === 0)).toHaveLength(9);
  expect(samples.filter(({ name }) => name === "murelay_barge_ins_total")).toHaveLength(4);
});
