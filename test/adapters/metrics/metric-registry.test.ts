import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { MetricRegistry } from "../../../src/adapters/metrics/metric-registry.js";
import { METRIC_PREFIX, type MetricDefinition } from "../../../src/domain/metric-definition.js";
import { METRICS } from "../../../src/domain/metric-table.js";
import type { MetricKey } from "../../../src/ports/metrics.js";

const make = (processMetrics = false) => new MetricRegistry({ version: "1.2.3", processMetrics });

/** Series → value, labels in alphabetical order. */
async function read(registry: MetricRegistry): Promise<Map<string, number>> {
  const { body } = await registry.scrape();
  const series = new Map<string, number>();
  for (const line of body.split("\n")) {
    const match = /^([a-z_]+)\{(.*)\} (\S+)$/.exec(line);
    if (match === null) continue;
    const labels = (match[2] ?? "").split(",").sort().join(",");
    const name = `${match[1]}{${labels}}`;
    expect(series.has(name)).toBe(false);
    series.set(name, Number(match[3]));
  }
  return series;
}

/** Moves every metric of the table once, by the table alone. */
function moveAll(registry: MetricRegistry): void {
  for (const [key, { kind, labels }] of Object.entries<MetricDefinition>(METRICS)) {
    const values = labels.map(({ values: closed }, i) => closed?.[0] ?? `v${i}`);
    const instrument = registry.metrics[key as MetricKey] as unknown as Record<
      "add" | "set" | "observe",
      (value: number, ...labels: string[]) => void
    >;
    if (kind === "counter") instrument.add(3, ...values);
    else if (kind === "gauge") instrument.set(3, ...values);
    else instrument.observe(0.003, ...values);
  }
}

describe("the metric registry", () => {
  it("exposes the name, help and kind of every row of the table", async () => {
    const { body } = await make().scrape();
    for (const { name, kind, help } of Object.values<MetricDefinition>(METRICS)) {
      expect(body).toContain(
        `# HELP ${METRIC_PREFIX}${name} ${help}\n# TYPE ${METRIC_PREFIX}${name} ${kind}\n`,
      );
    }
  });

  it("gives every row an instrument whose counts are exposed", async () => {
    const registry = make();
    moveAll(registry);
    const series = await read(registry);
    for (const [key, { name, kind, labels }] of Object.entries<MetricDefinition>(METRICS)) {
      if (key === "workerUp") continue;
      const own = labels.map((label, i) => `${label.name}="${label.values?.[0] ?? `v${i}`}"`);
      const ending = kind === "histogram" ? "_count" : "";
      const full = `${METRIC_PREFIX}${name}${ending}{${[...own, 'worker="0"'].sort().join(",")}}`;
      expect([full, series.get(full)]).toEqual([full, kind === "histogram" ? 1 : 3]);
    }
  });

  it("says which version runs, that the worker is up, and the same again when asked again", async () => {
    const registry = make();
    const series = await read(registry);
    expect(series.get('murelay_build_info{version="1.2.3",worker="0"}')).toBe(1);
    expect(series.get('murelay_worker_up{worker="0"}')).toBe(1);
    expect(await read(registry)).toEqual(series);
  });

  it("stays under 3,000 series with 20 agents and 20 tools", async () => {
    const registry = make(true);
    const { metrics } = registry;
    moveAll(registry);
    for (let n = 0; n < 20; n++) {
      metrics.voiceToVoice.observe(1, `agent${n}`);
      for (const source of METRICS.bargeIns.labels[1].values)
        metrics.bargeIns.add(1, `agent${n}`, source);
      for (const outcome of METRICS.calls.labels[1].values)
        metrics.calls.add(1, `agent${n}`, outcome);
      for (const outcome of ["answered", "busy", "no_answer", "failed", "denied"] as const)
        metrics.transfers.add(1, `agent${n}`, "dial", outcome);
      for (const outcome of ["ok", "error", "timeout", "invalid"] as const)
        metrics.toolSeconds.observe(1, `tool${n}`, outcome);
      metrics.cost.add(1, `agent${n}`, "m1");
    }
    for (const operation of ["calls.redirect", "calls.hangup", "calls.create", "calls.fetch"])
      for (const outcome of ["ok", "caller_gone", "twilio_busy", "twilio_timeout"] as const)
        metrics.twilioRequests.observe(0.1, operation, outcome);
    for (const kind of METRICS.tokens.labels[1].values)
      for (const model of ["m1", "m2", "m3"]) metrics.tokens.add(1, model, kind);
    for (let route = 0; route < 30; route++)
      for (const status of ["200", "404"]) metrics.httpRequests.observe(1, `/r${route}`, status);
    const { body } = await registry.scrape();
    expect(
      body.split("\n").filter((line) => line !== "" && !line.startsWith("#")).length,
    ).toBeLessThan(3000);
  });

  it.skipIf(spawnSync("promtool", ["--version"]).error !== undefined)(
    "passes promtool with every metric moved",
    async () => {
      const registry = make(true);
      moveAll(registry);
      const { body } = await registry.scrape();
      const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], {
        input: body,
      });
      expect([status, String(stdout), String(stderr)]).toEqual([0, "", ""]);
    },
  );
});
