import { describe, expect, it } from "vitest";
import { ConversationFileError, parseConversations } from "../../dev/conversation-file.js";

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
    ["conversations: []", "a.yaml:1:16: conversations: "],
    ["conversations: [{name: a, turns: [{press: x}]}]", "is not a row of keys"],
    ["conversations:\n  - name: a: b", "a.yaml:2:"],
  ])("with the fault %s is refused with its place", (text, fault) =>
    expect(faultsOf(text)).toContain(fault),
  );
});
