import { describe, expect, it } from "vitest";
import type { ItemId } from "../../src/domain/ids.js";
import { emptyRecord } from "../../src/records/record.js";
import { draftOf, LIMITS, recordOf } from "../../src/records/record-draft.js";
import { applyTurnEvent, dropProgress } from "../../src/records/record-turns.js";
import { callerText, testSid } from "../fakes/record-events.js";

type TurnEvent = Parameters<typeof applyTurnEvent>[1];

const id = (name: string) => name as ItemId;
const callerTurn = (name: string, startedMs: number, endedMs: number | null = null): TurnEvent => ({
  type: "caller_turn",
  itemId: id(name),
  startedMs,
  endedMs,
});
const agentTurn = (name: string, startedMs: number, voiceToVoiceMs: number | null = null) =>
  ({ type: "agent_turn", itemId: id(name), startedMs, voiceToVoiceMs }) as const;
const agentText = (name: string, text: string, complete = true): TurnEvent => ({
  type: "agent_text",
  itemId: id(name),
  text,
  complete,
});
const heard = (name: string, heardMs: number, receivedMs: number): TurnEvent => ({
  type: "agent_heard",
  itemId: id(name),
  endedMs: 0,
  heardMs,
  receivedMs,
  interruptedAtMs: heardMs < receivedMs ? heardMs : null,
});

function turnsAfter(...events: readonly TurnEvent[]) {
  const draft = draftOf(emptyRecord(testSid(1)));
  for (const event of events) applyTurnEvent(draft, event);
  return draft.turns;
}

describe("turns", () => {
  it("stand in the order in which they began, whatever the order of the events", () => {
    const turns = turnsAfter(
      callerText("late", "Yes?"),
      callerTurn("second", 200),
      agentTurn("first", 100),
      callerTurn("late", 150),
    );
    expect(turns.map(({ itemId, who }) => `${itemId} ${who}`)).toEqual([
      "first agent",
      "late caller",
      "second caller",
    ]);
  });

  it("keep their first beginning and latency, and their last end", () => {
    const [caller, agent] = turnsAfter(
      callerTurn("c", 100),
      callerTurn("c", 120, 300),
      callerTurn("c", 120),
      agentTurn("a", 400, 90),
      agentTurn("a", 450, 140),
    );
    expect(caller).toMatchObject({ startedMs: 100, endedMs: 300 });
    expect(agent).toMatchObject({ startedMs: 400, voiceToVoiceMs: 90 });
  });

  it("are left out past the limit, and those that are there still change", () => {
    const draft = draftOf(emptyRecord(testSid(1)));
    for (let n = 0; n <= LIMITS.turns; n++) applyTurnEvent(draft, callerTurn(`${n}`, n));
    applyTurnEvent(draft, callerText("0", "Hello."));
    expect(draft.turns).toHaveLength(LIMITS.turns);
    expect(draft.turns[0]?.text).toBe("Hello.");
  });

  it("of the record that a draft was made from are unchanged", () => {
    const draft = draftOf(emptyRecord(testSid(1)));
    applyTurnEvent(draft, callerTurn("c", 1));
    const before = recordOf(draft);
    const next = draftOf(before);
    applyTurnEvent(next, callerText("c", "Hello."));
    expect(before.turns[0]?.text).toBeNull();
    expect(next.turns[0]?.text).toBe("Hello.");
  });
});

describe("the text that was heard", () => {
  const TEXT = "One two three four five six seven eight nine ten.";

  it("is there as soon as both the text and what was played are known", () => {
    const text = agentText("a", TEXT);
    expect(turnsAfter(text)[0]?.heardText).toBeNull();
    for (const events of [
      [text, heard("a", 1_000, 1_000)],
      [heard("a", 1_000, 1_000), text],
    ])
      expect(turnsAfter(...events)[0]?.heardText).toBe(TEXT);
  });

  it("is a part of the text after an interruption", () => {
    const [turn] = turnsAfter(agentText("a", TEXT), heard("a", 500, 1_000));
    expect(turn).toMatchObject({ interruptedAtMs: 500 });
    expect(TEXT.startsWith(turn?.heardText ?? "")).toBe(true);
    expect(turn?.heardText).toMatch(/^One two .*(?:four|five|six)$/);
  });

  it("of an incomplete text follows the pace of the call's complete turns", () => {
    const cut = [agentText("b", TEXT, false), heard("b", 2_000, 2_000)];
    const words = (...events: readonly TurnEvent[]) =>
      turnsAfter(...events)
        .find(({ itemId }) => itemId === "b")
        ?.heardText?.split(" ").length ?? 0;
    const spoken = `${TEXT} ${TEXT}`;
    const slow = words(agentText("a", spoken), heard("a", 20_000, 20_000), ...cut);
    const quick = words(agentText("a", spoken), heard("a", 5_000, 5_000), ...cut);
    expect(slow).toBeLessThan(quick);
  });
});

describe("the progress of a text", () => {
  it("is kept while the call can still be interrupted, and then dropped", () => {
    const draft = draftOf(emptyRecord(testSid(1)));
    const progress = [[2, 100]] as const;
    applyTurnEvent(draft, { type: "agent_text", itemId: id("a"), text: "Hi", progress });
    expect(draft.turns[0]).toHaveProperty("progress", progress);
    dropProgress(draft);
    expect(draft.turns[0]).not.toHaveProperty("progress");
    expect(draft.turns[0]?.text).toBe("Hi");
  });

  it("is dropped when the heard part is known, whatever comes first", () => {
    const spoken = "Your parcel is on its way to you and will be there tomorrow.";
    const progress = [
      [16, 1_000],
      [spoken.length, 2_000],
    ] as const;
    const text = { ...agentText("a", spoken, false), progress };
    const [forth, back] = [
      [text, heard("a", 1_500, 2_000)],
      [heard("a", 1_500, 2_000), text],
    ].map((events) => turnsAfter(...events)[0]);
    expect(forth).not.toHaveProperty("progress");
    expect(forth?.heardText).not.toBe("");
    expect(back).toEqual(forth);
  });
});
