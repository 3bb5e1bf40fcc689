import { spawnSync } from "node:child_process";
import { Counter, Histogram, Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { PromMetrics } from "../../../src/adapters/metrics/prom-metrics.js";
import { exposition, mergeTexts } from "../../../src/adapters/metrics/snapshot.js";
import { METRICS } from "../../../src/adapters/metrics/table.js";

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

function busy(worker: string, processMetrics = false): PromMetrics {
  const metrics = new PromMetrics({ version: "1.2.3", worker, processMetrics });
  metrics.callStarted();
  metrics.callEnded("completed");
  for (let i = 0; i < 50; i++) metrics.frameUplink(i / 1000);
  metrics.tool("lookup_order", "ok", 0.1);
  metrics.tool('odd "name"\\\n', "error", 12);
  metrics.twilioRequest("calls.redirect", "twilio_busy", 0.3);
  metrics.cost("m", 0.125);
  return metrics;
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
      labelNames: toolSeconds.labels,
      buckets: [...toolSeconds.buckets],
      registers,
    });
    const ended = new Counter({
      name: `murelay_${calls.name}`,
      help: calls.help,
      labelNames: calls.labels,
      registers,
    });
    const metrics = new PromMetrics({ version: "1.2.3", worker: "3", processMetrics: false });
    for (const [tool, took] of [
      ["lookup_order", 0.1],
      ["lookup_order", 0.05],
      ['odd "name"\\\n', 12],
      ["lookup_order", 10],
    ] as const) {
      metrics.tool(tool, "ok", took);
      seconds.observe({ tool, outcome: "ok" }, took);
    }
    metrics.callEnded("completed");
    ended.inc({ outcome: "completed" });
    const names = /^(?:# \w+ )?murelay_(?:tool_seconds|calls_total)\b/;
    const text = (await metrics.scrape()).body;
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

  it("has what is known of the process, and nothing that lists all sockets", async () => {
    const { body } = await new PromMetrics({ version: "1", worker: "2" }).scrape();
    for (const name of [
      "process_cpu_seconds_total",
      "process_resident_memory_bytes",
      "nodejs_heap_size_used_bytes",
    ])
      expect(body).toMatch(new RegExp(`^${name}\\{worker="2"\\} \\d`, "m"));
    if (process.platform === "linux")
      expect(body).toMatch(/^process_open_fds\{worker="2"\} [1-9]\d*$/m);
    expect(body).not.toMatch(/nodejs_(?:active|eventloop_lag)_/);
  });

  it("keeps workers apart, and shows those that are away", async () => {
    const one = await busy("0").snapshot(false);
    const text = exposition([
      { worker: "0", up: true, snapshot: one },
      { worker: "1", up: false, snapshot: await busy("1").snapshot(false) },
      { worker: "2", up: false, snapshot: null },
    ]);
    expect(text).toContain(
      'murelay_worker_up{worker="0"} 1\nmurelay_worker_up{worker="1"} 0\nmurelay_worker_up{worker="2"} 0\n',
    );
    expect(text).toContain('murelay_calls_total{outcome="completed",worker="1"} 1');
    expect(text).not.toContain('murelay_calls_total{outcome="completed",worker="2"}');
    // A snapshot is of its time.
    const metrics = busy("0");
    const before = await metrics.snapshot(false);
    const was = exposition([{ worker: "0", up: true, snapshot: before }]);
    metrics.frameUplink(1);
    expect(exposition([{ worker: "0", up: true, snapshot: before }])).toBe(was);
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
        input: exposition(workers),
      });
      expect([status, String(stdout), String(stderr)]).toEqual([0, "", ""]);
    },
  );
});

describe("texts that expose the same metrics", () => {
  it("become one, each family once and whole", () => {
    const text = (worker: string) =>
      `# HELP a What\n# TYPE a counter\na{worker="${worker}"} 1\n\n# HELP b Other\n# TYPE b gauge\nb{worker="${worker}"} 2\n`;
    expect(mergeTexts([text("0"), "", text("1")])).toBe(
      '# HELP a What\n# TYPE a counter\na{worker="0"} 1\na{worker="1"} 1\n# HELP b Other\n# TYPE b gauge\nb{worker="0"} 2\nb{worker="1"} 2\n',
    );
    expect(mergeTexts(["", ""])).toBe("");
  });
});
