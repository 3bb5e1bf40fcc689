import { describe, expect, it } from "vitest";
import type { MetricDefinition } from "../../src/domain/metric-definition.js";
import { METRICS } from "../../src/domain/metric-table.js";

const all = Object.values<MetricDefinition>(METRICS);

describe("the table of metrics", () => {
  it.each([
    ["calls_active", "gauge"],
    ["calls_limit", "gauge"],
    ["calls_total", "agent,outcome"],
    ["calls_rejected_total", "reason"],
    ["frame_transit_seconds", "direction"],
    ["voice_to_voice_seconds", "agent"],
    ["first_audio_seconds", ""],
    ["playout_buffer_seconds", ""],
    ["playout_underruns_total", ""],
    ["barge_ins_total", "agent,source"],
    ["barge_in_clear_seconds", ""],
    ["truncation_rejected_total", ""],
    ["owed_replies_total", "cause,outcome"],
    ["session_parts_refused_total", "part"],
    ["uplink_gaps_total", ""],
    ["upstream_connect_seconds", ""],
    ["upstream_errors_total", "code"],
    ["upstream_reconnects_total", "outcome"],
    ["tool_seconds", "tool,outcome"],
    ["transfers_total", "agent,kind,outcome"],
    ["twilio_requests_seconds", "operation,outcome"],
    ["tokens_total", "model,kind"],
    ["cost_usd_total", "agent,model"],
    ["auth_failures_total", "surface,reason"],
    ["http_requests_seconds", "route,status"],
    ["event_loop_lag_seconds", ""],
    ["event_loop_block_seconds", "cause"],
    ["worker_up", "gauge"],
    ["draining", "gauge"],
    ["records_pending", "gauge"],
    ["spool_bytes", "gauge"],
    ["store_seconds", "operation"],
    ["build_info", "version"],
  ])("keeps the promised %s", (name, labels) => {
    const metric = all.find((one) => one.name === name);
    if (labels === "gauge") expect(metric?.kind).toBe("gauge");
    else expect(metric?.labels.map((label) => label.name).join(",")).toBe(labels);
  });

  it("names each metric once, with the unit or `_total` at the end", () => {
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
    for (const { name, kind } of all) {
      expect(name).toMatch(/^[a-z_]+$/);
      if (kind === "counter") expect(name).toMatch(/_total$/);
      if (kind === "histogram") expect(name).toMatch(/_seconds$/);
    }
  });

  it("presets only metrics whose labels all have a closed list", () => {
    for (const { name, labels, preset } of all) {
      if (preset === true)
        expect([name, labels.every(({ values }) => values !== null)]).toEqual([name, true]);
    }
  });

  it("has rising buckets for each histogram and for nothing else, and at most three labels", () => {
    for (const { name, kind, labels, buckets } of all) {
      expect([name, buckets !== undefined]).toEqual([name, kind === "histogram"]);
      expect(buckets ?? []).toEqual([...(buckets ?? [])].sort((a, b) => a - b));
      expect(labels.length).toBeLessThanOrEqual(3);
    }
  });
});
