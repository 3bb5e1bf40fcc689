import { describe, expect, it } from "vitest";
import type { RecordEvent } from "../../../src/domain/record-event.js";
import { CallEventLog } from "../../../src/relay/call/call-event-log.js";
import { type TypedTurnCall, typedTurn } from "../../../src/relay/call/typed-turn.js";
import type { ModelSession } from "../../../src/relay/model/model-session.js";
import { sid } from "../../fakes/call-bench.js";

function call(changes: Partial<TypedTurnCall> = {}) {
  const done: string[] = [];
  const written: RecordEvent[] = [];
  const one: TypedTurnCall = {
    isTalking: true,
    session: {
      callerTyped: (_id: string, text: string) => void done.push(`model: ${text}`),
    } as unknown as ModelSession,
    path: {
      capabilities: { asksWhatFollows: true, keyTones: true, takeOver: true, typedTurns: true },
      callerTyped: () => void done.push("interrupted"),
    },
    eventLog: new CallEventLog(
      sid(1),
      { write: (_callSid, event) => void written.push(event) },
      () => 1_000,
      0,
    ),
    budget: { limits: { callerActive: () => void done.push("active") } },
    reply: { owe: (cause) => void done.push(`owed: ${cause}`) },
    ...changes,
  };
  return { one, done, written };
}

describe("a turn that the caller typed", () => {
  it("interrupts the agent, is owed a reply, and goes to the model", () => {
    const { one, done } = call();
    expect(typedTurn(one, "Where is my order?", 1_000)).toBeNull();
    expect(done).toEqual([
      "active",
      "interrupted",
      "owed: caller_turn",
      "model: Where is my order?",
    ]);
  });

  it("stands in the record, and in the conversation that a new session is given", () => {
    const { one, written } = call();
    typedTurn(one, "Hello", 1_000);
    expect(written).toEqual([{ type: "caller_text", itemId: "typed_1000", text: "Hello" }]);
    expect(one.eventLog.history()).toEqual([{ kind: "caller", text: "Hello" }]);
  });

  it.each([
    ["without words", "  ", {}, "invalid"],
    [
      "on a path whose turns are spoken alone",
      "Hello",
      {
        path: {
          capabilities: {
            asksWhatFollows: false,
            keyTones: false,
            takeOver: false,
            typedTurns: false,
          },
          callerTyped: () => undefined,
        },
      },
      "invalid",
    ],
    ["while the agent does not talk with the caller", "Hello", { isTalking: false }, "not_live"],
    ["without a session", "Hello", { session: null }, "not_live"],
  ] as const)("is refused %s", (_, text, changes, refusal) => {
    const { one, done } = call(changes);
    expect(typedTurn(one, text, 1_000)).toBe(refusal);
    expect(done).toEqual([]);
  });
});
