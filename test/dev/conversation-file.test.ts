import { describe, expect, it } from "vitest";
import {
  ConversationFileError,
  parseConversations,
  readConversationFile,
} from "../../dev/conversation-file.js";

const parse = (text: string) => parseConversations(text, "/project/conversations/a.yaml");

function faultsOf(text: string): string {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof ConversationFileError) return error.message;
    throw error;
  }
  return "";
}

describe("a conversation file", () => {
  it("has conversations with the lines at which they begin", () => {
    const file = parse(`agents_file: ../agents.yaml
conversations:
  - name: an order
    turns:
      - caller: Where is my order?
        model: [{call: order_status, arguments: {order: "1"}}]
        expect: {tool: order_status, says: on its way}
      - press: "0"
        expect: {tools: [{name: a, arguments: {b: 1}}], ended: false}
`);
    expect(file.agentsFile).toBe("/project/agents.yaml");
    const [one] = file.conversations;
    expect([one?.line, one?.turns.map(({ line }) => line)]).toEqual([3, [5, 8]]);
    expect(one?.turns[0]?.expect).toEqual({ tool: { name: "order_status" }, says: ["on its way"] });
  });

  it.each([
    [
      "conversations: [{name: a, turns: [{caler: hi}]}]",
      "a.yaml:1:36: conversations[0].turns[0].caler is unknown (did you mean caller?)",
    ],
    ["conversations: []", "a.yaml:1:16: conversations is empty"],
    ["conversations: [{nam: a, turns: [{caller: x}]}]", "is unknown (did you mean name?)"],
    ["conversations: [{name: a, turns: [{press: 0}]}]", "press must be text: put it in quotes"],
    [
      "conversations: [{name: a, turns: [{expect: {says: 1}}]}]",
      "must be text, or a list of texts",
    ],
    ["conversations: [{name: a, turns: [{expect: {tool: 1}}]}]", "the name of a tool, or {name,"],
    ["conversations: [{name: a, turns: [{expect: {tools: x}}]}]", "tools must be a list"],
    ["conversations: [{name: a, turns: [{}]}]", "is empty: give it caller, press or expect"],
    [
      "conversations: [{name: a, turns: [{caller: x}], name: b}]",
      "a.yaml:1:49: the key name is here twice",
    ],
    ["conversations: [{name: a, turns: [{press: x}]}]", "is not a row of keys"],
    ["conversations:\n  - name: a: b", "a.yaml:2:"],
  ])("with the fault %s is refused with its place", (text, fault) =>
    expect(faultsOf(text)).toContain(fault),
  );

  it("names its faults in the order of the file", () => {
    const text = "conversations:\n  - turns: [{press: 0}]\n  - name: 1\n    turns: [{caller: 7}]\n";
    const lines = faultsOf(text).split("\n");
    expect(lines.map((line) => /yaml:(\d+)/.exec(line)?.[1])).toEqual(["2", "2", "3", "4"]);
  });

  it("that cannot be read is named as such, not as an agents file", () => {
    expect(() => readConversationFile("/nothing/here.yaml")).toThrow(
      /^\/nothing\/here\.yaml:1:1: cannot be read/,
    );
  });
});
