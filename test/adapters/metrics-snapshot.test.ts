import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { exposition, mergeTexts } from "../../src/adapters/metrics/snapshot.js";
import { PromMetrics } from "../../src/adapters/prom-metrics.js";

/** Every sample, its labels sorted. */
function samples(text: string): string[] {
  return text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [, name = "", labels = "", value = ""] = /^([a-zA-Z_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
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
  it("says of one worker what it would say itself", async () => {
    const metrics = busy("3");
    const text = exposition([{ worker: "3", up: true, snapshot: await metrics.snapshot(false) }]);
    expect(samples(text)).toEqual(samples((await metrics.scrape()).body));
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

  it.skipIf(spawnSync("promtool", ["--version"]).error !== undefined)("passes promtool", async () => {
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
  });
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
