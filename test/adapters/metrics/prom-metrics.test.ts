import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { PromMetrics } from "../../../src/adapters/metrics/prom-metrics.js";
import { METRICS, type MetricDefinition, PREFIX } from "../../../src/adapters/metrics/table.js";
import { FakeClock } from "../../fakes/fake-clock.js";

const make = (processMetrics = false) => new PromMetrics({ version: "1.2.3", processMetrics });

/** Series → value, labels in alphabetical order. */
async function read(metrics: PromMetrics): Promise<Map<string, number>> {
  const { body } = await metrics.scrape();
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

describe("metrics", () => {
  it("has every name from the first scrape on", async () => {
    const { body } = await make().scrape();
    for (const { name, kind, help } of Object.values<MetricDefinition>(METRICS)) {
      expect(body).toContain(`# HELP ${PREFIX}${name} ${help}\n# TYPE ${PREFIX}${name} ${kind}\n`);
    }
    expect(body).toContain('murelay_build_info{version="1.2.3",worker="0"} 1');
    expect(body).toContain('murelay_worker_up{worker="0"} 1');
  });

  it.each([
    ["calls_active", "gauge"],
    ["calls_total", "outcome"],
    ["calls_rejected_total", "reason"],
    ["frame_transit_seconds", "direction"],
    ["voice_to_voice_seconds", ""],
    ["first_audio_seconds", ""],
    ["playout_buffer_seconds", ""],
    ["playout_underruns_total", ""],
    ["barge_ins_total", "source"],
    ["barge_in_clear_seconds", ""],
    ["truncation_rejected_total", ""],
    ["uplink_gaps_total", ""],
    ["upstream_connect_seconds", ""],
    ["upstream_errors_total", "code"],
    ["upstream_reconnects_total", "outcome"],
    ["tool_seconds", "tool,outcome"],
    ["transfers_total", "kind,outcome"],
    ["twilio_requests_seconds", "operation,outcome"],
    ["tokens_total", "model,kind"],
    ["cost_usd_total", "model"],
    ["auth_failures_total", "surface,reason"],
    ["event_loop_lag_seconds", ""],
    ["worker_up", "gauge"],
    ["draining", "gauge"],
    ["records_pending", "gauge"],
    ["build_info", "version"],
  ])("keeps the promised %s", (name, labels) => {
    const metric = Object.values<MetricDefinition>(METRICS).find((one) => one.name === name);
    if (labels === "gauge") expect(metric?.kind).toBe("gauge");
    else expect(metric?.labels.join(",")).toBe(labels);
  });

  it("counts what it is told", async () => {
    const metrics = make();
    metrics.callStarted();
    metrics.callStarted();
    metrics.callEnded("completed");
    metrics.callRejected("full");
    metrics.underrun();
    metrics.uplinkGap();
    metrics.uplinkDropped(3);
    metrics.downlinkDropped(4);
    metrics.unknownMessage("upstream");
    metrics.bargeIn("local");
    metrics.truncationRejected();
    metrics.upstreamError("upstream_hung");
    metrics.upstreamReconnect("ok");
    metrics.warmSessions(7);
    metrics.transfer("dial", "busy");
    metrics.tokens("m", "output_audio", 120);
    metrics.cost("m", 0.25);
    metrics.cost("m", 0.5);
    metrics.authFailure("token", "replayed");
    metrics.draining(true);
    metrics.recordsPending(5);
    metrics.recordsDropped(2);
    const series = await read(metrics);
    const expected: Record<string, number> = {
      'calls_active{worker="0"}': 1,
      'calls_total{outcome="completed",worker="0"}': 1,
      'calls_total{outcome="failed",worker="0"}': 0,
      'calls_rejected_total{reason="full",worker="0"}': 1,
      'playout_underruns_total{worker="0"}': 1,
      'uplink_gaps_total{worker="0"}': 1,
      'uplink_dropped_frames_total{worker="0"}': 3,
      'downlink_dropped_frames_total{worker="0"}': 4,
      'unknown_messages_total{leg="upstream",worker="0"}': 1,
      'barge_ins_total{source="local",worker="0"}': 1,
      'truncation_rejected_total{worker="0"}': 1,
      'upstream_errors_total{code="upstream_hung",worker="0"}': 1,
      'upstream_reconnects_total{outcome="ok",worker="0"}': 1,
      'warm_sessions{worker="0"}': 7,
      'transfers_total{kind="dial",outcome="busy",worker="0"}': 1,
      'tokens_total{kind="output_audio",model="m",worker="0"}': 120,
      'cost_usd_total{model="m",worker="0"}': 0.75,
      'auth_failures_total{reason="replayed",surface="token",worker="0"}': 1,
      'draining{worker="0"}': 1,
      'records_pending{worker="0"}': 5,
      'records_dropped_total{worker="0"}': 2,
    };
    for (const [name, value] of Object.entries(expected))
      expect([name, series.get(PREFIX + name)]).toEqual([name, value]);
    // A second scrape of unchanged counts says the same.
    expect(await read(metrics)).toEqual(series);
  });

  it("sorts times into buckets, bounds included", async () => {
    const metrics = make();
    for (const seconds of [0.0005, 0.00051, 0.02, 5, -1, Number.NaN]) metrics.frameUplink(seconds);
    metrics.frameDownlink(0.003);
    const series = await read(metrics);
    const bucket = (le: string, direction = "uplink") =>
      series.get(
        `murelay_frame_transit_seconds_bucket{direction="${direction}",le="${le}",worker="0"}`,
      );
    expect(["0.0005", "0.001", "0.01", "0.02", "1", "+Inf"].map((le) => bucket(le))).toEqual([
      2, 3, 3, 4, 4, 5,
    ]);
    expect(["0.002", "0.005", "+Inf"].map((le) => bucket(le, "downlink"))).toEqual([0, 1, 1]);
    const of = (suffix: string) =>
      series.get(`murelay_frame_transit_seconds_${suffix}{direction="uplink",worker="0"}`);
    expect(of("count")).toBe(5);
    expect(of("sum")).toBeCloseTo(5.02101);
  });

  it("keeps histograms by two labels apart", async () => {
    const metrics = make();
    metrics.tool("lookup_order", "ok", 0.1);
    metrics.tool("lookup_order", "timeout", 3);
    metrics.twilioRequest("calls.redirect", "ok", 0.2);
    const series = await read(metrics);
    expect(
      series.get('murelay_tool_seconds_count{outcome="ok",tool="lookup_order",worker="0"}'),
    ).toBe(1);
    expect(
      series.get('murelay_tool_seconds_sum{outcome="timeout",tool="lookup_order",worker="0"}'),
    ).toBe(3);
    expect(
      series.get(
        'murelay_twilio_requests_seconds_count{operation="calls.redirect",outcome="ok",worker="0"}',
      ),
    ).toBe(1);
  });

  it("never lets a counter go down or become no number", async () => {
    const metrics = make();
    metrics.tokens("m", "input_text", 5);
    metrics.tokens("m", "input_text", -5);
    metrics.tokens("m", "input_text", Number.NaN);
    expect(
      (await read(metrics)).get('murelay_tokens_total{kind="input_text",model="m",worker="0"}'),
    ).toBe(5);
  });

  it("bounds the series of a label that runs wild", async () => {
    const metrics = make();
    for (let i = 0; i < 5000; i++) metrics.tool(`tool${i}`, "ok", 0.1);
    const series = await read(metrics);
    const counts = [...series].filter(([name]) => name.startsWith("murelay_tool_seconds_count"));
    expect(counts.length).toBeLessThanOrEqual(257);
    expect(counts.reduce((sum, [, count]) => sum + count, 0)).toBe(5000);
    expect(series.get('murelay_tool_seconds_count{outcome="other",tool="other",worker="0"}')).toBe(
      5000 - 256,
    );
  });

  it("stays under 3,000 series with 20 agents and 20 tools", async () => {
    const metrics = make(true);
    const outcomes = ["ok", "error", "timeout", "invalid", "denied", "cancelled"] as const;
    for (let tool = 0; tool < 24; tool++)
      for (const outcome of outcomes) metrics.tool(`tool${tool}`, outcome, 1);
    for (const operation of [
      "calls.redirect",
      "calls.hangup",
      "calls.create",
      "calls.fetch",
      "participants.create",
    ])
      for (const outcome of ["ok", "caller_gone", "twilio_busy", "twilio_timeout"] as const)
        metrics.twilioRequest(operation, outcome, 0.1);
    for (let model = 0; model < 4; model++)
      for (const kind of [
        "input_text",
        "input_audio",
        "cached_text",
        "cached_audio",
        "output_text",
        "output_audio",
      ] as const)
        metrics.tokens(`m${model}`, kind, 1);
    const { body } = await metrics.scrape();
    expect(
      body.split("\n").filter((line) => line !== "" && !line.startsWith("#")).length,
    ).toBeLessThan(3000);
  });

  it("measures how late timers are, until told to stop", async () => {
    const metrics = make();
    const clock = new FakeClock();
    const stop = metrics.watchEventLoop(clock);
    clock.advance(1000);
    expect((await read(metrics)).get('murelay_event_loop_lag_seconds_count{worker="0"}')).toBe(10);
    stop();
    expect(clock.pending).toBe(0);
  });

  it.skipIf(spawnSync("promtool", ["--version"]).error !== undefined)(
    "passes promtool",
    async () => {
      const metrics = make(true);
      metrics.tool("lookup_order", "ok", 0.1);
      metrics.transfer("dial", "answered");
      metrics.tokens("m", "input_text", 1);
      metrics.cost("m", 1);
      metrics.twilioRequest("calls.redirect", "ok", 0.2);
      const { body } = await metrics.scrape();
      const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], {
        input: body,
      });
      expect([status, String(stdout), String(stderr)]).toEqual([0, "", ""]);
    },
  );
});
