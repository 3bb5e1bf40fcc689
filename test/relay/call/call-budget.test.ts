import { beforeEach, describe, expect, it } from "vitest";
import type { RecordEvent } from "../../../src/domain/record-event.js";
import { CallBudget } from "../../../src/relay/call/call-budget.js";
import { CallEventLog } from "../../../src/relay/call/call-event-log.js";
import type { Disposition } from "../../../src/relay/call/call-events.js";
import { agent } from "../../fakes/call-bench.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeMetrics } from "../../fakes/fake-metrics.js";
import { testSid } from "../../fakes/record-events.js";
import { silentLog } from "../../fakes/silent-log.js";

const TOKENS = {
  inputText: 1,
  inputAudio: 2,
  inputImage: 0,
  cachedText: 0,
  cachedAudio: 0,
  cachedImage: 0,
  outputText: 3,
  outputAudio: 4,
};

let written: RecordEvent[];
let metrics: FakeMetrics;
let budget: CallBudget;

beforeEach(() => {
  written = [];
  metrics = new FakeMetrics();
  const clock = new FakeClock();
  const profile = agent({ limits: { ...agent().limits, maxCostUsd: 1, idleHangupS: 60 } });
  const journal = { write: (_: unknown, event: RecordEvent) => void written.push(event) };
  const eventLog = new CallEventLog(testSid(1), journal, () => clock.nowMs());
  budget = new CallBudget(profile, "inbound", eventLog, silentLog, {
    clock,
    metrics: metrics.metrics,
    maxCallMinutes: 60,
    price: (model) => (model === "unpriced" ? null : 0.4),
    transcriptionPrice: (model, { seconds }) => (model === "unpriced" ? null : seconds / 100),
    admission: null,
  });
  budget.limits.started(0);
});

const watched = (nowMs: number, isCallerSpeaking: boolean, isSilent: boolean) => {
  const asked: string[] = [];
  const left: Disposition[] = [];
  budget.watch(nowMs, {
    session: { quiet: true },
    path: { isSilent: () => isSilent },
    reply: { isCallerSpeaking },
    ask: (instructions) => void asked.push(instructions),
    leave: (disposition) => void left.push(disposition),
  });
  return { asked: asked.length, left: left.length };
};
const reached = () => watched(0, false, false).left > 0;

describe("CallBudget", () => {
  it("takes a long turn of the caller for no silence", () => {
    for (let nowMs = 0; nowMs < 100_000; nowMs += 100)
      expect(watched(nowMs, true, true)).toEqual({ asked: 0, left: 0 });
    expect(watched(119_000, false, true)).toEqual({ asked: 0, left: 0 });
    expect(watched(120_000, false, true)).toEqual({ asked: 1, left: 0 });
  });

  it("counts responses and transcription against max_cost_usd", () => {
    budget.usage("m", TOKENS);
    budget.usage("m", TOKENS);
    expect(reached()).toBe(false);
    budget.transcriptionUsage("t", 0, 19);
    expect(reached()).toBe(false);
    budget.transcriptionUsage("t", 0, 2);
    expect(reached()).toBe(true);
    expect(metrics.count("cost", { model: "t" })).toBeCloseTo(0.21, 9);
  });

  it("records usage, priced or not", () => {
    budget.usage("unpriced", TOKENS);
    budget.transcriptionUsage("unpriced", 5, 7);
    expect(written).toEqual([
      { type: "usage", model: "unpriced", tokens: TOKENS },
      { type: "transcription_usage", model: "unpriced", tokens: 5, seconds: 7 },
    ]);
    expect([metrics.count("cost"), metrics.count("tokens")]).toEqual([0, 10]);
    expect(reached()).toBe(false);
  });
});
