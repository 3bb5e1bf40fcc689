import { beforeEach, describe, expect, it } from "vitest";
import { EventText, readEvent } from "../../../src/cli/calls/event-text.js";

let text: EventText;
beforeEach(() => {
  text = new EventText();
});

const line = (type: string, fields: Record<string, unknown> = {}): string | null =>
  text.line({ callSid: "CA1", at: "2026-11-21T08:00:12.345Z", type, ...fields });
const START = "08:00:12.345  CA1  ";

describe("EventText", () => {
  it("shows an agent's turn once, with its last text, when it was heard", () => {
    expect(line("agent_turn", { itemId: "a", startedMs: 1 })).toBeNull();
    expect(line("agent_text", { itemId: "a", text: "Hel", complete: false })).toBeNull();
    expect(line("agent_text", { itemId: "a", text: "Hello." })).toBeNull();
    const heard = { itemId: "a", heardMs: 500, receivedMs: 900, interruptedAtMs: 400 };
    expect(line("agent_heard", heard)).toBe(
      `${START}agent     Hello. [heard 0.5 of 0.9 s, interrupted]`,
    );
    expect(line("agent_heard", heard)).toContain("(no transcript)");
  });

  it.each([
    ["caller_text", { itemId: "c", text: "Hi" }, "caller    Hi"],
    [
      "tool",
      { name: "t", arguments: "{}", output: "x", ms: 3, outcome: "error", atMs: 9 },
      "tool      t {} → x (error, 3 ms)",
    ],
    ["note", { name: "amd", fields: { by: "human" } }, "note      amd by=human"],
    [
      "ended",
      { atMs: 5, outcome: "completed", reason: "x y" },
      "ended     atMs=5 outcome=completed reason=x y",
    ],
    ["something_new", { a: { b: 1 } }, 'something_new a={"b":1}'],
  ])("shows %s", (type, fields, shown) => expect(line(type, fields)).toBe(START + shown));

  it("leaves out when the caller began to speak", () => {
    expect(line("caller_turn", { itemId: "c" })).toBeNull();
  });

  it("forgets the text of turns that are never heard", () => {
    for (let i = 0; i <= 1_000; i++) line("agent_text", { itemId: `i${i}`, text: "x" });
    expect(line("agent_heard", { itemId: "i0" })).toContain("(no transcript)");
    expect(line("agent_heard", { itemId: "i1" })).toContain("agent     x");
  });
});

describe("readEvent", () => {
  it.each(["", "{", "7", "{}", '{"callSid":"CA1"}', "null"])("takes no %j", (data) => {
    expect(readEvent(data)).toBeNull();
  });
});
