import { describe, expect, it } from "vitest";
import { CallEventLog } from "../../../src/relay/call/call-event-log.js";
import { type HandoffParts, handoffOf, takeOver } from "../../../src/relay/call/call-handoff.js";
import { CallLanguage } from "../../../src/relay/call/call-language.js";
import { Greeting, type GreetingHost } from "../../../src/relay/call/greeting.js";
import type { HistoryItem } from "../../../src/relay/model/model-session.js";
import { agent, sid } from "../../fakes/call-bench.js";
import { FakeClock } from "../../fakes/fake-clock.js";

const HISTORY: readonly HistoryItem[] = [
  { kind: "caller", text: "Hello?" },
  { kind: "note", text: "The line broke." },
];

/** The parts of a call in one process. */
function process(isOwed: boolean) {
  const clock = new FakeClock();
  const parties = {
    callSid: sid(1),
    from: "+15550001111",
    to: "+15550002222",
    direction: "inbound",
    callToken: "token",
  } as const;
  const profile = agent({ languages: new Map([["es", { voice: null, instructions: "Habla." }]]) });
  const eventLog = new CallEventLog(sid(1), { write: () => {} }, () => clock.nowMs());
  const restored: boolean[] = [];
  const reply = { isOwed, restore: (owed: boolean) => void restored.push(owed) };
  const language = new CallLanguage(profile, parties, clock, () => null);
  const host = { parties, agent: profile, eventLog, session: null, isOver: false, reply };
  const greeting = new Greeting(host as unknown as GreetingHost, language, null);
  const parts = { parties, eventLog, greeting, reply } as unknown as HandoffParts;
  return { parts, language, greeting, eventLog, restored };
}

function handedOver(returning: boolean) {
  const first = process(true);
  first.eventLog.restoreHistory(HISTORY);
  first.greeting.giveContext({ order: "A-1" });
  first.language.recognised("es", { name: "Ada" });
  const handoff = handoffOf(first.parts, first.language, returning);
  const next = process(false);
  takeOver(next.parts, next.language, JSON.parse(JSON.stringify(handoff)));
  return { handoff, next };
}

describe("a call that another process takes over", () => {
  it("hands over what was said, what is owed, and who the caller is", () => {
    expect(handedOver(true).handoff).toMatchObject({
      returning: true,
      history: HISTORY,
      replyPending: true,
      language: "es",
      caller: { name: "Ada" },
      callToken: "token",
      facts: expect.stringContaining("A-1"),
    });
  });

  it("goes on in the middle of the conversation when the caller comes back", () => {
    const { next } = handedOver(true);
    expect(next.eventLog.history()).toEqual(HISTORY);
    expect([next.greeting.isDone, next.restored, next.language.current]).toEqual([
      true,
      [true],
      "es",
    ]);
  });

  it("begins with the greeting when the caller has not been here", () => {
    const { next } = handedOver(false);
    expect(next.eventLog.history()).toEqual([]);
    expect([next.greeting.isDone, next.restored]).toEqual([false, []]);
    expect([next.greeting.facts, next.language.current]).toEqual([
      expect.stringContaining("A-1"),
      "es",
    ]);
  });

  it("takes a handoff of an earlier version, which names no caller", () => {
    const next = process(false);
    const { caller: _, ...older } = handedOver(true).handoff;
    takeOver(next.parts, next.language, older);
    expect(next.language.callerFields).toEqual({});
  });
});
