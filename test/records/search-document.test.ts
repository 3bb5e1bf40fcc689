import { describe, expect, it } from "vitest";
import type { ItemId } from "../../src/domain/ids.js";
import type { RecordEvent, ToolOutcome } from "../../src/domain/record-event.js";
import { applyEvents, emptyRecord } from "../../src/records/record.js";
import { searchDocument } from "../../src/records/search-document.js";
import {
  BEGAN_MS,
  callerText,
  ended,
  opened,
  testSid,
  transferOutcome,
  transferRequested,
} from "../fakes/record-events.js";

const agentTurn = (id: string, text: string, voiceToVoiceMs: number | null): RecordEvent[] => [
  { type: "agent_turn", itemId: id as ItemId, startedMs: 1, voiceToVoiceMs },
  { type: "agent_text", itemId: id as ItemId, text },
];
const tool = (outcome: ToolOutcome): RecordEvent => ({
  type: "tool",
  atMs: 1,
  name: "find_order",
  arguments: '{"number":"4217"}',
  output: "Delayed",
  ms: 5,
  outcome,
});
const documentOf = (...events: readonly RecordEvent[]) =>
  searchDocument(applyEvents(emptyRecord(testSid(1)), events));

describe("what a search looks at", () => {
  it("is the call's parties, its end and its extremes", () => {
    const document = documentOf(
      opened({ direction: "outbound" }),
      ...agentTurn("a", "Hello", 900),
      ...agentTurn("b", "Bye", 1_400.5),
      {
        type: "agent_heard",
        itemId: "b" as ItemId,
        endedMs: 5,
        heardMs: 3,
        receivedMs: 9,
        interruptedAtMs: 5,
      },
      ...(["ok", "error", "timeout", "cancelled"] as const).map(tool),
      transferRequested(1, "billing"),
      transferOutcome(2, "busy", "billing"),
      transferRequested(3, "support"),
      ended(61_500, { outcome: "failed", reason: "max_duration" }),
    );
    expect(document).toMatchObject({
      callSid: testSid(1),
      startedMs: BEGAN_MS,
      durationMs: 61_500,
      agent: "support",
      outcome: "failed",
      endReason: "max_duration",
      caller: "+15550002222",
      from: "+15550001111",
      to: "+15550002222",
      destination: "support",
      latencyMs: 1_400.5,
      interruptions: 1,
      failedTools: 2,
    });
  });

  it("is what was said, heard, transcribed, and what tools got and gave", () => {
    const { words } = documentOf(
      opened(),
      callerText("c", "My Bananas!"),
      ...agentTurn("a", "One two three four", null),
      {
        type: "agent_heard",
        itemId: "a" as ItemId,
        endedMs: 500,
        heardMs: 500,
        receivedMs: 1_000,
        interruptedAtMs: 500,
      },
      tool("ok"),
      { ...transferRequested(5), reason: "angry", summary: "wants money" },
      { type: "recording", sid: "RE1", file: null },
      { type: "recording_transcript", sid: "RE1", transcript: "From the tape", words: [] },
      ended(6),
    );
    expect(words).toBe(
      "my bananas one two angry wants money find order number 4217 delayed from the tape",
    );
  });

  it("has no values where the call has none, and a limit", () => {
    expect(documentOf(opened(), ended(1))).toMatchObject({
      destination: null,
      latencyMs: null,
      costUsd: null,
      interruptions: 0,
      words: "",
    });
    expect(documentOf(ended(1)).durationMs).toBeNull();
    const long = Array.from({ length: 10 }, (_, n) => callerText(`c${n}`, "word ".repeat(4_000)));
    expect(documentOf(opened(), ...long, ended(1)).words.length).toBeLessThanOrEqual(100_000);
  });
});
