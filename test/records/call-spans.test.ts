import { describe, expect, it } from "vitest";
import type { CallSid, ItemId } from "../../src/domain/ids.js";
import type { RecordEvent } from "../../src/domain/record-event.js";
import type { Span } from "../../src/domain/span.js";
import { CallSpans } from "../../src/records/call-spans.js";

const SID = `CA${"1".repeat(32)}` as CallSid;
const EPOCH_MS = 1_000_000;
const item = (name: string) => name as ItemId;

const OPENED: RecordEvent = {
  type: "opened",
  epochMs: EPOCH_MS,
  agent: "support",
  direction: "inbound",
  from: "+15550001111",
  to: "+15550002222",
  path: "media-stream",
  node: "n1",
};
const ENDED: RecordEvent = { type: "ended", atMs: 9_000, outcome: "completed", reason: "done" };

const heard = (name: string, endedMs: number, interruptedAtMs: number | null): RecordEvent => ({
  type: "agent_heard",
  itemId: item(name),
  endedMs,
  heardMs: 500,
  receivedMs: 800,
  interruptedAtMs,
});

function spansOf(...events: readonly RecordEvent[]) {
  const spans: Span[] = [];
  let n = 0;
  const ids = { of: () => ({ traceId: "trace", rootId: "root" }), next: () => `s${++n}` };
  const made = new CallSpans(ids, (span) => void spans.push(span));
  for (const event of events) made.event(SID, event);
  return { spans, size: made.size };
}

const brief = ({ name, startEpochMs, endEpochMs }: Span) =>
  `${name} ${startEpochMs - EPOCH_MS}–${endEpochMs - EPOCH_MS}`;

describe("the spans of a call", () => {
  const whole: readonly RecordEvent[] = [
    OPENED,
    { type: "note", atMs: 250, name: "session_ready", fields: { ms: 200 } },
    { type: "stream_started", atMs: 300, streamSid: "MZ1" as never },
    { type: "agent_turn", itemId: item("greeting"), startedMs: 400, voiceToVoiceMs: null },
    heard("greeting", 1_000, null),
    { type: "caller_turn", itemId: item("q"), startedMs: 2_000, endedMs: null },
    { type: "caller_turn", itemId: item("q"), startedMs: 2_000, endedMs: 3_000 },
    {
      type: "tool",
      atMs: 4_000,
      name: "lookup_order",
      arguments: "{}",
      output: "secret",
      ms: 250,
      outcome: "timeout",
    },
    {
      type: "agent_turn",
      itemId: item("answer"),
      startedMs: 4_500,
      voiceToVoiceMs: 1_500,
      parts: { endOfTurnMs: 500, modelMs: 700, toolMs: 250, relayMs: 50 },
    },
    { type: "caller_turn", itemId: item("q2"), startedMs: 5_000, endedMs: null },
    heard("answer", 5_020, 5_020),
    {
      type: "transfer_requested",
      atMs: 6_000,
      destination: "desk",
      kind: "dial",
      reason: "asked",
      summary: "secret",
      urgency: null,
      by: "key",
    },
    { type: "transfer_step", atMs: 6_100, step: "dialled" as never, detail: null },
    { type: "transfer_outcome", atMs: 8_000, destination: "desk", outcome: "busy" },
    ENDED,
  ];

  it("are webhook, dial, speech, turn with its parts, tool, transfer, stream, session and call", () => {
    const { spans, size } = spansOf(...whole);
    expect(spans.map(brief)).toEqual([
      "dial 50–250",
      "webhook 0–300",
      "speech 400–1000",
      "tool lookup_order 3750–4000",
      "turn 2000–5020",
      "caller speaks 2000–3000",
      "end of turn 3000–3500",
      "model 3500–4450",
      "relay 4450–4500",
      "playback 4500–5020",
      "transfer dial 6000–8000",
      "stream 300–9000",
      "session 50–9000",
      "call 0–9000",
    ]);
    expect(size).toBe(0);
  });

  it("hang together: the root has no parent, the parts of a turn and its tools have the turn", () => {
    const { spans } = spansOf(...whole);
    const of = (name: string) => spans.find((span) => span.name === name)!;
    expect(of("call")).toMatchObject({ spanId: "root", parentSpanId: null, kind: "server" });
    expect(of("turn").parentSpanId).toBe("root");
    for (const name of ["model", "relay", "tool lookup_order"])
      expect(of(name).parentSpanId).toBe(of("turn").spanId);
    expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set(["trace"]));
    expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(spans.length);
  });

  it("say what failed, and hold no speech and no number", () => {
    const { spans } = spansOf(...whole);
    expect(spans.filter(({ failed }) => failed).map(({ name }) => name)).toEqual([
      "tool lookup_order",
      "transfer dial",
    ]);
    expect(JSON.stringify(spans)).not.toMatch(/secret|\+1555/);
    expect(spans.find(({ name }) => name === "turn")?.attributes).toEqual({
      "murelay.heard_ms": 500,
      "murelay.interrupted": true,
      "murelay.voice_to_voice_ms": 1_500,
      "murelay.tool_ms": 250,
    });
  });

  it("end with a lost session, and begin again with the next", () => {
    const { spans } = spansOf(
      OPENED,
      { type: "note", atMs: 100, name: "session_ready", fields: { ms: 100 } },
      { type: "note", atMs: 500, name: "session_lost", fields: { code: "upstream_closed" } },
      { type: "note", atMs: 800, name: "session_ready", fields: { ms: 250 } },
      ENDED,
    );
    const sessions = spans.filter(({ name }) => name === "session");
    expect(sessions.map(brief)).toEqual(["session 0–500", "session 550–9000"]);
    expect(sessions[0]).toMatchObject({
      failed: true,
      attributes: { "murelay.code": "upstream_closed" },
    });
  });

  it("are none for a call that this process does not have, or no longer", () => {
    expect(spansOf(ENDED).spans).toEqual([]);
    const { spans, size } = spansOf(OPENED, { type: "moved" }, ENDED);
    expect([spans, size]).toEqual([[], 0]);
  });
});
