import { describe, expect, it } from "vitest";
import type { CallRecord, RecordedTurn } from "../../src/domain/call-record.js";
import type { ItemId } from "../../src/domain/ids.js";
import type { RecordEvent } from "../../src/domain/record-event.js";
import { longestSilenceMs, reviewFlags } from "../../src/records/review-rules.js";
import { testSid, transferOutcome, transferRequested } from "../fakes/record-events.js";
import { call } from "../fakes/searched-calls.js";

/** Not sampled. */
const NUMBER = 1;

function turn(
  who: "caller" | "agent",
  startedMs: number,
  endedMs: number,
  text = "",
): RecordedTurn {
  return {
    who,
    itemId: `item_${startedMs}` as ItemId,
    text,
    heardText: null,
    startedMs,
    endedMs,
    heardMs: null,
    receivedMs: null,
    interruptedAtMs: null,
    voiceToVoiceMs: null,
    complete: true,
  };
}

const flagsOf = (turns: readonly RecordedTurn[], events: readonly RecordEvent[] = []) =>
  reviewFlags({ ...call(NUMBER, events), turns });

describe("the rules for calls to review", () => {
  it("find nothing in a call without trouble", () => {
    expect(flagsOf([turn("agent", 0, 900), turn("caller", 1_000, 2_000)])).toEqual([]);
    expect(flagsOf([])).toEqual([]);
  });

  it("find a silence of more than eight seconds in which neither speaks", () => {
    expect(flagsOf([turn("agent", 0, 1_000), turn("caller", 9_000, 9_500)])).toEqual([]);
    expect(flagsOf([turn("agent", 0, 1_000), turn("caller", 9_001, 9_500)])).toEqual([
      "long_silence",
    ]);
  });

  it("do not take a turn that overlaps another for a silence", () => {
    const turns = [turn("agent", 0, 20_000), turn("caller", 2_000, 3_000)];
    expect(longestSilenceMs({ turns: [...turns, turn("agent", 21_000, 22_000)] })).toBe(1_000);
  });

  it.each([
    ["busy", true],
    ["no_answer", true],
    ["failed", true],
    ["declined", true],
    ["answered", false],
    ["caller_gone", false],
  ] as const)("take a transfer that ended as %s for failed: %s", (outcome, isFlagged) => {
    const events = [transferRequested(1), transferOutcome(2, outcome)];
    expect(flagsOf([], events)).toEqual(isFlagged ? ["transfer_failed"] : []);
  });

  it.each([
    ["where is my order number twelve", "I said where is my order number twelve", true],
    ["where is my order number twelve", "Where is my ORDER, number twelve?", true],
    ["where is my order number twelve", "please cancel the whole subscription", false],
    ["yes please", "yes please", false],
  ])("hear whether a caller repeats themselves: %s / %s", (first, second, isFlagged) => {
    const turns = [
      turn("caller", 0, 10, first),
      turn("agent", 20, 30, first),
      turn("caller", 40, 50, second),
    ];
    expect(flagsOf(turns)).toEqual(isFlagged ? ["repeated"] : []);
  });

  it("do not take the agent's repetition for the caller's", () => {
    const words = "your order number twelve is late";
    expect(flagsOf([turn("agent", 0, 10, words), turn("agent", 20, 30, words)])).toEqual([]);
  });

  it("sample about two calls in a hundred, the same ones each time", () => {
    const sampled = (record: CallRecord) => reviewFlags(record).includes("sampled");
    const calls = Array.from({ length: 5_000 }, (_, n) => ({
      ...call(0, []),
      callSid: testSid(n),
    }));
    const first = calls.filter(sampled);
    expect(first.length).toBeGreaterThan(60);
    expect(first.length).toBeLessThan(140);
    expect(calls.filter(sampled)).toEqual(first);
  });
});
