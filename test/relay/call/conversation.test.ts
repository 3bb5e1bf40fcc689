import { describe, expect, it } from "vitest";
import type { ItemId, ToolCallId } from "../../../src/domain/ids.js";
import { Conversation } from "../../../src/relay/call/conversation.js";

const id = (text: string) => text as ItemId;

describe("a conversation", () => {
  it("keeps turns in the order in which they were taken, whatever order their texts come in", () => {
    const one = new Conversation();
    one.callerTurn(id("c1"));
    one.agentText(id("a1"), "Hello");
    one.agentText(id("a1"), "Hello there.");
    one.callerText(id("c1"), "Hi.");
    one.note("Order 7 is late.");
    one.tool("t1" as ToolCallId, "lookup", "{}", "late");
    expect(one.history()).toEqual([
      { kind: "caller", text: "Hi." },
      { kind: "agent", text: "Hello there." },
      { kind: "note", text: "Order 7 is late." },
      { kind: "tool", callId: "t1", name: "lookup", arguments: "{}", output: "late" },
    ]);
  });

  it("leaves out what was not transcribed and what was not heard", () => {
    const one = new Conversation();
    one.callerTurn(id("c1"));
    one.agentText(id("a1"), "The caller heard none of this.");
    one.agentHeard(id("a1"), 0);
    expect(one.history()).toEqual([]);
  });

  it.each([
    [1, "The parcel is on its way."],
    [0.6, "The parcel is"],
    [0.1, ""],
    [-1, ""],
    [2, "The parcel is on its way."],
  ])("cuts an agent's turn of which %d was heard to whole words", (share, text) => {
    const one = new Conversation();
    one.agentText(id("a1"), "The parcel is on its way.");
    one.agentHeard(id("a1"), share);
    expect(one.history()).toEqual(text === "" ? [] : [{ kind: "agent", text }]);
  });

  it("gives the newest sixty turns", () => {
    const one = new Conversation();
    for (let i = 0; i < 200; i++) one.callerText(id(`c${i}`), `turn ${i}`);
    const history = one.history();
    expect(history).toHaveLength(60);
    expect(history.at(-1)).toEqual({ kind: "caller", text: "turn 199" });
  });

  it("goes on from another one's history", () => {
    const first = new Conversation();
    first.callerText(id("c1"), "Hi.");
    first.note("A fact.");
    const second = new Conversation();
    second.restore(first.history());
    second.agentText(id("a1"), "Hello.");
    expect(second.history()).toEqual([...first.history(), { kind: "agent", text: "Hello." }]);
  });
});
