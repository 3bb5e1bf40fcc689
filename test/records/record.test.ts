import { describe, expect, it } from "vitest";
import type { CallRecord } from "../../src/domain/call-record.js";
import type { CallSid, ItemId, StreamSid } from "../../src/domain/ids.js";
import type { RecordEvent } from "../../src/domain/record-event.js";
import { applyEvent, applyEvents, emptyRecord, lastKnownMs } from "../../src/records/record.js";
import {
  callerText,
  ended,
  note,
  opened,
  transferOutcome,
  transferRequested,
} from "../fakes/record-events.js";

const SID = "CA00000000000000000000000000000001" as CallSid;
const EPOCH = Date.parse("2026-11-21T08:00:00.000Z");
const OPENED: RecordEvent = {
  type: "opened",
  epochMs: EPOCH,
  agent: "support",
  direction: "inbound",
  from: "+15550001111",
  to: "+15550002222",
  path: "media-stream",
  node: "n1",
};

function fold(...events: RecordEvent[]): CallRecord {
  return events.reduce(applyEvent, emptyRecord(SID));
}

const item = (id: string) => id as ItemId;

describe("applyEvent", () => {
  it("dates the call by its opening and the times of its events", () => {
    const record = fold(
      OPENED,
      { type: "stream_started", atMs: 1_500, streamSid: "MZ1" as StreamSid },
      { type: "ended", atMs: 61_000, outcome: "completed", reason: "caller_hung_up" },
    );
    expect(record).toMatchObject({
      callSid: SID,
      streamSid: "MZ1",
      state: "ended",
      agent: "support",
      startedAt: "2026-11-21T08:00:00.000Z",
      answeredAt: "2026-11-21T08:00:01.500Z",
      endedAt: "2026-11-21T08:01:01.000Z",
      outcome: "completed",
      endReason: "caller_hung_up",
    });
  });

  it("does not change the record that it is given", () => {
    const before = fold(OPENED);
    const copy = structuredClone(before);
    applyEvent(before, { type: "caller_turn", itemId: item("a"), startedMs: 1, endedMs: null });
    expect(before).toEqual(copy);
  });

  it("keeps turns in the order in which they began, whatever the order of their events", () => {
    const record = fold(
      OPENED,
      { type: "agent_text", itemId: item("greeting"), text: "Hello." },
      { type: "agent_turn", itemId: item("greeting"), startedMs: 200, voiceToVoiceMs: null },
      { type: "agent_turn", itemId: item("answer"), startedMs: 5_000, voiceToVoiceMs: 700 },
      { type: "caller_turn", itemId: item("question"), startedMs: 2_000, endedMs: 4_300 },
      { type: "caller_text", itemId: item("question"), text: "Where is my order?" },
    );
    expect(record.turns.map((turn) => [turn.who, turn.itemId, turn.text])).toEqual([
      ["agent", "greeting", "Hello."],
      ["caller", "question", "Where is my order?"],
      ["agent", "answer", null],
    ]);
    expect(record.turns[2]?.voiceToVoiceMs).toBe(700);
  });

  it.each([
    ["text first", false],
    ["text last", true],
  ])("cuts an interrupted turn at what was heard, %s", (_, textLast) => {
    const text: RecordEvent = { type: "agent_text", itemId: item("a"), text: "one two six ten" };
    const heard: RecordEvent = {
      type: "agent_heard",
      itemId: item("a"),
      endedMs: 2_000,
      heardMs: 1_000,
      receivedMs: 2_000,
      interruptedAtMs: 1_950,
    };
    const turn = fold(OPENED, ...(textLast ? [heard, text] : [text, heard])).turns[0];
    expect(turn).toMatchObject({
      text: "one two six ten",
      heardText: "one two",
      interruptedAtMs: 1_950,
    });
  });

  it("adds up usage by model", () => {
    const tokens = {
      inputText: 10,
      inputAudio: 20,
      inputImage: 0,
      cachedText: 5,
      cachedAudio: 0,
      cachedImage: 0,
      outputText: 3,
      outputAudio: 7,
    };
    const record = fold(
      OPENED,
      { type: "usage", model: "m", tokens },
      { type: "usage", model: "m", tokens },
      { type: "transcription_usage", model: "t", tokens: 4, seconds: 1.5 },
    );
    expect(record.usage.models["m"]).toMatchObject({
      inputText: 20,
      outputAudio: 14,
      cachedText: 10,
      responses: 2,
    });
    expect(record.usage.transcription["t"]).toEqual({ tokens: 4, seconds: 1.5 });
  });

  it("gives each transfer its own outcome, also when the next was requested before", () => {
    const request = (destination: string, atMs: number): RecordEvent => ({
      type: "transfer_requested",
      atMs,
      destination,
      kind: "dial",
      reason: "r",
      summary: null,
      urgency: null,
      by: "agent",
    });
    const record = fold(
      OPENED,
      request("billing", 1),
      request("front_desk", 2),
      { type: "transfer_step", atMs: 3, step: "redirect", detail: null },
      { type: "transfer_outcome", atMs: 4, destination: "billing", outcome: "busy" },
      { type: "ended", atMs: 5, outcome: "transferred", reason: "transfer" },
      { type: "transfer_outcome", atMs: 90, destination: "front_desk", outcome: "answered" },
    );
    expect(record.earlierTransfers).toMatchObject([{ destination: "billing", outcome: "busy" }]);
    expect(record.transfer).toMatchObject({
      destination: "front_desk",
      outcome: "answered",
      steps: [{ atMs: 3, step: "redirect", detail: null }],
    });
  });

  it("gives a transfer the outcome of the step on which it ended", () => {
    const request = (destination: string, atMs: number): RecordEvent => ({
      type: "transfer_requested",
      atMs,
      destination,
      kind: "warm",
      reason: "r",
      summary: null,
      urgency: null,
      by: "agent",
    });
    const ladder = fold(
      OPENED,
      request("billing", 1),
      { type: "transfer_step", atMs: 2, step: "busy", detail: "billing" },
      { type: "transfer_outcome", atMs: 3, destination: "front_desk", outcome: "answered" },
    );
    expect(ladder.transfer).toMatchObject({ destination: "billing", outcome: "answered" });
    expect(ladder.events).toEqual([]);
    const two = fold(
      OPENED,
      request("billing", 1),
      request("experts", 2),
      { type: "transfer_outcome", atMs: 3, destination: "front_desk", outcome: "busy" },
      { type: "transfer_outcome", atMs: 4, destination: "front_desk", outcome: "answered" },
      { type: "transfer_outcome", atMs: 5, destination: "front_desk", outcome: "failed" },
    );
    expect(two.earlierTransfers).toMatchObject([{ destination: "billing", outcome: "busy" }]);
    expect(two.transfer).toMatchObject({ destination: "experts", outcome: "answered" });
    // An outcome that belongs to no transfer is kept as an event.
    expect(two.events).toMatchObject([{ name: "transfer_outcome", fields: { outcome: "failed" } }]);
  });

  it("keeps the beginning of a call that comes back from a transfer", () => {
    const record = fold(
      OPENED,
      { type: "ended", atMs: 5, outcome: "transferred", reason: "transfer" },
      { ...OPENED, epochMs: EPOCH + 60_000 },
      { type: "stream_started", atMs: 61_000, streamSid: "MZ2" as StreamSid },
    );
    expect(record).toMatchObject({
      state: "live",
      startedAt: "2026-11-21T08:00:00.000Z",
      streamSid: "MZ2",
    });
  });
});

describe("the size of a record", () => {
  const tool = (atMs: number): RecordEvent => ({
    type: "tool",
    atMs,
    name: "t",
    arguments: "{}",
    output: "x".repeat(16_000),
    ms: 1,
    outcome: "ok",
  });

  it("is limited: later long texts are left out, with a mark", () => {
    const events = Array.from({ length: 400 }, (_, i) => tool(i));
    const record = applyEvents(emptyRecord(SID), [OPENED, ...events]);
    expect(JSON.stringify(record).length).toBeLessThan(1_100_000);
    expect(record.tools).toHaveLength(400);
    expect([record.tools[0]?.output.length, record.tools[399]?.output]).toEqual([
      16_000,
      "[cut: 16000 characters]",
    ]);
    const said = applyEvent(record, callerText("i", "short words"));
    expect(said.turns[0]?.text).toBe("short words");
  });

  it("is limited in its lists", () => {
    const record = applyEvents(
      emptyRecord(SID),
      Array.from({ length: 2_100 }, (_, i) => [note(i), callerText(`i${i}`, "x")]).flat(),
    );
    expect([record.events.length, record.turns.length]).toEqual([500, 2_000]);
  });
});

describe("the order of events", () => {
  it("is that of their times, however late they arrive", () => {
    const tool = (atMs: number): RecordEvent => ({
      type: "tool",
      atMs,
      name: `t${atMs}`,
      arguments: "",
      output: "",
      ms: 1,
      outcome: "ok",
    });
    const record = fold(OPENED, note(3), note(1), tool(7), tool(5), note(1, "second"));
    expect(record.events.map(({ atMs, name }) => [atMs, name])).toEqual([
      [1, "n"],
      [1, "second"],
      [3, "n"],
    ]);
    expect(record.tools.map(({ name }) => name)).toEqual(["t5", "t7"]);
  });

  it.each<[string, RecordEvent[]]>([
    ["before the end", [transferRequested(9_000), ended(5_000)]],
    ["after the end", [ended(5_000), transferRequested(9_000)]],
  ])("never has the end before another event: %s", (_, events) => {
    expect(fold(OPENED, ...events).endedAt).toBe("2026-11-21T08:00:09.000Z");
  });

  it("places an event by the wall clock when its sender does not know when the call began", () => {
    const epochMs = EPOCH + 8_000;
    const record = fold(
      OPENED,
      ended(5_000, { outcome: "failed", reason: "agent_failed" }),
      { ...transferRequested(0), epochMs },
      { ...transferOutcome(0, "answered"), epochMs: epochMs + 1_000 },
      { ...note(0), epochMs: EPOCH - 5 },
      { ...ended(0, { outcome: "transferred", reason: "transferred" }), epochMs: epochMs + 2_000 },
    );
    expect(record).toMatchObject({
      outcome: "transferred",
      endedAt: "2026-11-21T08:00:10.000Z",
      transfer: { requestedMs: 8_000 },
      events: [{ atMs: 0 }],
    });
  });

  it("keeps a caller rejected whom the overflow destination took over", () => {
    const record = fold(
      OPENED,
      ended(0, { outcome: "rejected", reason: "full" }),
      ended(9_000, { outcome: "transferred", reason: "transferred" }),
    );
    expect(record).toMatchObject({ outcome: "rejected", endReason: "full" });
    expect(record.endedAt).toBe("2026-11-21T08:00:09.000Z");
  });

  it("takes the end back when the caller's stream starts again", () => {
    const record = fold(OPENED, ended(5_000), {
      type: "stream_started",
      atMs: 8_000,
      streamSid: "MZ2" as StreamSid,
    });
    expect(record).toMatchObject({ state: "live", endedAt: null, outcome: null, endReason: null });
  });
});

describe("lastKnownMs", () => {
  it("is 0 for a call of which nothing is known", () => {
    expect(lastKnownMs(emptyRecord(SID))).toBe(0);
  });

  it.each<[string, RecordEvent]>([
    ["an event", note(700)],
    ["a transfer", transferRequested(700)],
    [
      "a tool call",
      { type: "tool", atMs: 700, name: "t", arguments: "", output: "", ms: 5, outcome: "ok" },
    ],
    ["a turn", { type: "caller_turn", itemId: "i" as never, startedMs: 500, endedMs: 700 }],
  ])("is the latest time: %s", (_, event) => {
    expect(lastKnownMs(applyEvents(emptyRecord(SID), [opened(), note(600), event]))).toBe(700);
  });

  it("includes the steps of a transfer", () => {
    const step: RecordEvent = { type: "transfer_step", atMs: 900, step: "calling", detail: null };
    const events = [opened(), transferRequested(700), step];
    expect(lastKnownMs(applyEvents(emptyRecord(SID), events))).toBe(900);
  });
});
