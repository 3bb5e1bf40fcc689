import { describe, expect, it } from "vitest";
import { logCallEnd } from "../../../src/relay/call/log-lines.js";
import { FakeLog } from "../../fakes/fake-ports.js";

function line(end: Partial<Parameters<typeof logCallEnd>[1]>): string {
  const log = new FakeLog();
  logCallEnd(log, {
    outcome: "completed",
    reason: "caller_hung_up",
    durationMs: 61_234.4,
    eventLog: { turns: 12, worstVoiceToVoiceMs: 910 },
    costUsd: 0.12345678,
    ...end,
  });
  expect(log.lines).toHaveLength(1);
  return log.lines[0] ?? "";
}

describe("the line at the end of a call", () => {
  it("has outcome, duration, turns, the worst latency and the cost", () => {
    expect(line({})).toBe(
      'info call: ended {"outcome":"completed","reason":"caller_hung_up","durationMs":61234,' +
        '"turns":12,"worstLatencyMs":910,"costUsd":0.123457}',
    );
  });

  it("says null for what this process does not know", () => {
    expect(line({ durationMs: null, eventLog: null, costUsd: null })).toContain(
      '"durationMs":null,"turns":null,"worstLatencyMs":null,"costUsd":null}',
    );
  });
});
