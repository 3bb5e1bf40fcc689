import { spawnSync } from "node:child_process";
import { Counter, Histogram, Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import {
  exposition,
  expositionParts,
  mergedParts,
} from "../../../src/adapters/metrics/exposition.js";
import { MetricRegistry } from "../../../src/adapters/metrics/metric-registry.js";
import { METRICS } from "../../../src/domain/metric-table.js";

/** Every sample, its labels sorted. */
function samples(text: string): string[] {
  return text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [, name = "", labels = "", value = ""] =
        /^([a-zA-Z_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      return `${name}{${labels.split(",").sort().join(",")}} ${value}`;
    })
    .sort();
}

function busy(worker: string, processMetrics = false): MetricRegistry {
  const registry = new MetricRegistry({ version: "1.2.3", worker, processMetrics });
  const { metrics } = registry;
  metrics.callsActive.move(1);
  metrics.calls.add(1, "support", "completed");
  for (let i = 0; i < 50; i++) metrics.frameTransit.observe(i / 1000, "uplink");
  metrics.toolSeconds.observe(0.1, "lookup_order", "ok");
  metrics.toolSeconds.observe(12, 'odd "name"\\\n', "error");
  metrics.twilioRequests.observe(0.3, "calls.redirect", "twilio_busy");
  metrics.cost.add(0.125, "support", "m");
  return registry;
}

describe("the exposition of snapshots", () => {
  it("says what prom-client would", async () => {
    const registry = new Registry();
    registry.setDefaultLabels({ worker: "3" });
    const registers = [registry];
    const { toolSeconds, calls } = METRICS;
    const seconds = new Histogram({
      name: `murelay_${toolSeconds.name}`,
      help: toolSeconds.help,
      labelNames: toolSeconds.labels.map(({ name }) => name),
      buckets: [...toolSeconds.buckets],
      registers,
    });
    const ended = new Counter({
      name: `murelay_${calls.name}`,
      help: calls.help,
      labelNames: calls.labels.map(({ name }) => name),
      registers,
    });
    const own = new MetricRegistry({ version: "1.2.3", worker: "3", processMetrics: false });
    const { metrics } = own;
    for (const [tool, took] of [
      ["lookup_order", 0.1],
      ["lookup_order", 0.05],
      ['odd "name"\\\n', 12],
      ["lookup_order", 10],
    ] as const) {
      metrics.toolSeconds.observe(took, tool, "ok");
      seconds.observe({ tool, outcome: "ok" }, took);
    }
    metrics.calls.add(1, "support", "completed");
    ended.inc({ agent: "support", outcome: "completed" });
    const names = /^(?:# \w+ )?murelay_(?:tool_seconds|calls_total)\b/;
    const text = (await own.scrape()).body;
    const ours = samples(text).filter(
      (line) => /^murelay_(tool_seconds|calls_total)/.test(line) && !/ 0$/.test(line),
    );
    const theirs = samples(await registry.metrics()).filter((line) => !/ 0$/.test(line));
    expect(ours).toEqual(theirs);
    const heads = (of: string) =>
      of
        .split("\n")
        .filter((line) => line.startsWith("#") && names.test(line))
        .sort();
    expect(heads(text)).toEqual(heads(await registry.metrics()));
  });

  it("keeps workers apart, and shows those that are away", async () => {
    const one = await busy("0").snapshot(false);
    const text = await exposition([
      { worker: "0", up: true, snapshot: one },
      { worker: "1", up: false, snapshot: await busy("1").snapshot(false) },
      { worker: "2", up: false, snapshot: null },
    ]);
    expect(text).toContain(
      'murelay_worker_up{worker="0"} 1\nmurelay_worker_up{worker="1"} 0\nmurelay_worker_up{worker="2"} 0\n',
    );
    expect(text).toContain('murelay_calls_total{agent="support",outcome="completed",worker="1"} 1');
    expect(text).not.toContain(
      'murelay_calls_total{agent="support",outcome="completed",worker="2"}',
    );
  });

  it("comes in parts of whole lines, of which none is long", async () => {
    const snapshot = await busy("0").snapshot(false);
    const workers = Array.from({ length: 64 }, (_, n) => ({ worker: `${n}`, up: true, snapshot }));
    const parts = [...expositionParts(workers)];
    expect(parts.join("")).toBe(await exposition(workers));
    expect(parts.every((part) => part.endsWith("\n"))).toBe(true);
    expect(Math.max(...parts.map((part) => part.length))).toBeLessThan(64_000);
  });

  it.skipIf(spawnSync("promtool", ["--version"]).error !== undefined)(
    "passes promtool",
    async () => {
      const workers = await Promise.all(
        ["0", "1"].map(async (worker) => ({
          worker,
          up: true,
          snapshot: await busy(worker, true).snapshot(true),
        })),
      );
      const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], {
        input: await exposition(workers),
      });
      expect([status, String(stdout), String(stderr)]).toEqual([0, "", ""]);
    },
  );
});

describe("texts that expose the same metrics", () => {
  it("become one, each family once and whole", () => {
    const text = (worker: string) =>
      `# HELP a What\n# TYPE a counter\na{worker="${worker}"} 1\n\n# HELP b Other\n# TYPE b gauge\nb{worker="${worker}"} 2\n`;
    expect([...mergedParts([text("0"), "", text("1")])].join("")).toBe(
      '# HELP a What\n# TYPE a counter\na{worker="0"} 1\na{worker="1"} 1\n# HELP b Other\n# TYPE b gauge\nb{worker="0"} 2\nb{worker="1"} 2\n',
    );
    expect([...mergedParts(["", ""])]).toEqual([]);
  });
});
