import { describe, expect, it } from "vitest";
import { callReport, callTable, heardText } from "../../../src/cli/calls/call-text.js";
import type { CallRecord } from "../../../src/domain/call-record.js";
import type { CallSid, ItemId } from "../../../src/domain/ids.js";

const LIVE: CallRecord = {
  callSid: "CA1" as CallSid,
  streamSid: null,
  state: "live",
  node: "node1",
  agent: "support",
  direction: "inbound",
  from: "+12025550100",
  to: "+12025550199",
  path: "media-stream",
  startedAt: "2026-11-21T08:00:12.345Z",
  answeredAt: null,
  endedAt: null,
  outcome: null,
  endReason: null,
  transfer: null,
  earlierTransfers: [],
  turns: [],
  tools: [],
  usage: { models: {}, transcription: {} },
  costUsd: null,
  unpriced: [],
  recording: null,
  events: [],
};
const turn = {
  itemId: "item_1" as ItemId,
  heardText: null,
  endedMs: null,
  voiceToVoiceMs: null,
  complete: true,
};
const ENDED: CallRecord = {
  ...LIVE,
  state: "ended",
  outcome: "transferred",
  endReason: "transfer",
  endedAt: "2026-11-21T08:02:17.000Z",
  costUsd: 0.12345,
  unpriced: ["other-model"],
  turns: [
    {
      ...turn,
      who: "agent",
      text: "Hello, how can I help?",
      startedMs: 400,
      heardMs: 1_700,
      receivedMs: 2_300,
      interruptedAtMs: 2_100,
    },
    {
      ...turn,
      who: "caller",
      text: "Where is my order?",
      startedMs: 2_100,
      heardMs: null,
      receivedMs: null,
      interruptedAtMs: null,
    },
  ],
  tools: [
    {
      name: "lookup_order",
      atMs: 4_000,
      arguments: '{"order":"4217"}',
      output: "sent",
      ms: 120,
      outcome: "ok",
    },
  ],
  transfer: {
    destination: "sales",
    kind: "warm",
    reason: "wants to buy",
    summary: null,
    urgency: null,
    by: "agent",
    requestedMs: 9_000,
    outcome: "answered",
    steps: [{ atMs: 9_500, step: "dialled", detail: "+1…99" }],
  },
  events: [{ atMs: 100, name: "caller_known", fields: { vip: true, name: "Ada" } }],
};

describe("callTable", () => {
  it("aligns a line per call under its titles, and leaves unknown things out", () => {
    expect(callTable([LIVE, ENDED])).toEqual([
      "CALL  STARTED              STATE        AGENT    FROM          TO            LENGTH  COST",
      "CA1   2026-11-21 08:00:12  live         support  +12025550100  +12025550199  -       -",
      "CA1   2026-11-21 08:00:12  transferred  support  +12025550100  +12025550199  2:05    $0.1235",
    ]);
  });

  it("shows its titles when there are no calls", () => {
    expect(callTable([])).toHaveLength(1);
  });
});

describe("callReport", () => {
  it("gives the facts, then turns, tools, transfers and notes in the order of their times", () => {
    expect(callReport(ENDED)).toEqual([
      "call       CA1, transferred (transfer)",
      "agent      support, inbound, media-stream, node node1",
      "from, to   +12025550100, +12025550199",
      "started    2026-11-21 08:00:12 UTC, 2:05 min",
      "cost       $0.1235 without other-model, which has no price",
      "",
      "     0.1  note      caller_known vip=true name=Ada",
      "     0.4  agent     Hello, how can I help? [heard 1.7 of 2.3 s, interrupted]",
      "     2.1  caller    Where is my order?",
      '     4.0  tool      lookup_order {"order":"4217"} → sent (ok, 120 ms)',
      "     9.0  transfer  to sales (warm, by the agent), answered: wants to buy",
      "     9.5  transfer  dialled: +1…99",
    ]);
  });

  it("says what it does not know", () => {
    const turns = [{ ...ENDED.turns[1]!, text: null }];
    const report = callReport({ ...LIVE, turns, unpriced: ["m"] });
    expect(report).toContain("cost       unknown: without m, which has no price");
    expect(report.at(-1)).toContain("(no transcript)");
  });
});

describe("heardText", () => {
  it.each([
    [{ heardMs: 2_000, receivedMs: 2_000, interruptedAtMs: null }, ""],
    [{ heardMs: null, receivedMs: 2_000, interruptedAtMs: null }, ""],
    [{ heardMs: 500, receivedMs: 2_000, interruptedAtMs: null }, " [heard 0.5 of 2.0 s]"],
    [{ heardMs: 0, receivedMs: 90, interruptedAtMs: 1 }, " [heard 0.0 of 0.1 s, interrupted]"],
  ])("of %j is %j", (turn, text) => expect(heardText(turn)).toBe(text));
});
