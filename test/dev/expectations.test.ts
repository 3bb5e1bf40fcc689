import { describe, expect, it } from "vitest";
import { differences, matches, type Observed } from "../../dev/expectations.js";

const OBSERVED: Observed = {
  said: ["Let me look.", "It is on its way."],
  tools: [{ name: "order_status", arguments: '{"order":"4217","n":1}', output: '{"ok":true}' }],
  transfer: "billing",
  ended: false,
};

const tool = (name: string, given?: Record<string, unknown>, output?: unknown) => ({
  name,
  arguments: given,
  output,
});

describe("expectations", () => {
  it.each([
    { says: ["on its way"], does_not_say: ["sorry"] },
    { tool: tool("order_status") },
    { tool: tool("order_status", { order: "4217" }, { ok: true }) },
    { tool: tool("order_status", { order: "/^\\d{4}$/" }) },
    { tools: [tool("order_status")] },
    { transfer: "billing", ended: false },
  ])("hold: %j", (expected) => expect(differences(expected, OBSERVED)).toEqual([]));

  it.each([
    [
      { says: ["delivered"] },
      "says: delivered",
      "the agent said: “Let me look. It is on its way.”",
    ],
    [
      { does_not_say: ["way"] },
      "does not say: way",
      "the agent said: “Let me look. It is on its way.”",
    ],
    [
      { tool: tool("order_status", { order: "1001" }) },
      'tool: order_status {"order":"1001"}',
      'order_status {"order":"4217","n":1} → {"ok":true}',
    ],
    [{ tools: [] }, "tools: no tool", 'order_status {"order":"4217","n":1} → {"ok":true}'],
    [{ transfer: "desk" }, "transfer: desk", "transfer: billing"],
    [{ ended: true }, "the call has ended", "the call goes on"],
  ])("do not hold: %j", (expected, wanted, actual) =>
    expect(differences(expected, OBSERVED)).toEqual([{ expected: wanted, actual }]),
  );

  it("say when nothing was said or done", () => {
    const nothing = { said: [], tools: [], transfer: null, ended: false };
    expect(
      differences({ says: ["a"], tool: tool("b"), transfer: "c" }, nothing).map(
        (one) => one.actual,
      ),
    ).toEqual(["the agent said nothing", "no tool was called", "no transfer"]);
  });
});

describe("words in a text", () => {
  it.each([
    ["on its way", "It is ON its  way!", true],
    ["way", "It is away.", false],
    ["/order \\d+/", "Your order 42 …", true],
    ["mañana", "¡Hasta mañana!", true],
  ])("%s in “%s”: %s", (words, text, found) => expect(matches(words, text)).toBe(found));
});
