import { describe, expect, it } from "vitest";
import { missingArgument, readArguments } from "../../sim/model/rule-arguments.js";
import {
  answerByRules,
  type RuleTool,
  type RuleTurn,
  spokenOutput,
} from "../../sim/model/rules.js";
import { wordsOf } from "../../sim/model/words.js";

const ORDER: RuleTool = {
  name: "order_status",
  description: "Status of an order. Ask for the order number first.",
  parameters: {
    type: "object",
    properties: { order: { type: "string", pattern: "^[0-9]{4,8}$" } },
    required: ["order"],
  },
};
const TRANSFER: RuleTool = {
  name: "transfer_call",
  description: "Hand the caller over to a human. When unsure use front_desk.",
  parameters: {
    type: "object",
    properties: {
      destination: {
        type: "string",
        enum: ["billing", "front_desk"],
        description: "Who takes the call. billing: invoices and payments; front_desk: all else",
      },
      reason: { type: "string" },
    },
    required: ["destination"],
  },
};
const END: RuleTool = {
  name: "end_call",
  description: "Hang up when the caller has said goodbye.",
  parameters: { type: "object", properties: { reason: { type: "string" } }, required: ["reason"] },
};

function answer(callerText: string | null, changes: Partial<RuleTurn> = {}) {
  return answerByRules({
    tools: [ORDER, TRANSFER, END],
    callerText,
    outputs: [],
    asked: null,
    ...changes,
  });
}

describe("a model that answers by rules", () => {
  it.each([
    ["Where is my order 4217?", "order_status", { order: "4217" }],
    ["I want to speak to a person", "transfer_call", { destination: "front_desk" }],
    ["Please transfer me, it is about my invoice", "transfer_call", { destination: "billing" }],
    ["Thanks, goodbye!", "end_call", { reason: "Thanks, goodbye!" }],
  ])("calls the tool that “%s” matches", (text, name, given) => {
    expect(answer(text).turn.calls).toEqual([{ name, arguments: given }]);
  });

  it("asks for an argument that is missing, and takes it from the next turn", () => {
    const first = answer("Where is my order?");
    expect(first.turn).toEqual({ say: "Please tell me the order." });
    const second = answer("It is 4217.", { asked: first.asked });
    expect(second.turn.calls).toEqual([{ name: "order_status", arguments: { order: "4217" } }]);
    expect(second.asked).toBeNull();
  });

  it("reads the outputs of tools out", () => {
    const { turn } = answer(null, { outputs: [{ output: '{"status":"on its way"}' }] });
    expect(turn).toEqual({ say: ["status: on its way."] });
  });

  it("calls no tool that nothing matches, and none for speech without words", () => {
    expect(answer("What is the weather like?").turn.calls).toBeUndefined();
    expect(answer(null).turn.say).toContain("understands no speech");
  });
});

describe("the output of a tool, spoken", () => {
  it.each([
    ['{"found":true,"order_number":"4217","expected":null}', "found: true, order number: 4217."],
    ['["a","b"]', "a and b."],
    ["It left yesterday", "It left yesterday"],
    ["null", "Done."],
  ])("of %s is “%s”", (output, spoken) => expect(spokenOutput(output)).toBe(spoken));
});

describe("arguments taken out of a text", () => {
  const read = (schema: object, said: string, isRequired = true) =>
    readArguments({ properties: { it: schema }, required: isRequired ? ["it"] : [] }, said, "")[
      "it"
    ];
  it.each([
    [{ type: "integer" }, "for 4 people", 4],
    [{ type: "string", format: "email" }, "write to a.b@example.com, please", "a.b@example.com"],
    [{ type: "string", pattern: "^\\d{2}:\\d{2}$" }, "at 10:30, please", "10:30"],
    [{ type: "string", enum: ["red", "dark_blue"] }, "the dark blue one", "dark_blue"],
    [{ type: "boolean" }, "yes, do", true],
    [{ type: "string" }, " a leaking tap ", "a leaking tap"],
    [{ type: "integer" }, "for some people", undefined],
  ])("by %j of “%s”", (schema, said, value) => expect(read(schema, said)).toEqual(value));

  it("leave out an optional text, and name what is missing", () => {
    expect(read({ type: "string" }, "anything", false)).toBeUndefined();
    expect(missingArgument({ required: ["a", "b"] }, { a: 1 })).toBe("b");
    expect(missingArgument({ required: ["a"] }, { a: 1 })).toBeNull();
  });

  it("are not taken by a pattern that is none", () => {
    expect(read({ type: "string", pattern: "(" }, "anything")).toBeUndefined();
  });
});

describe("words", () => {
  it("are the same in another number or tense, and leave out what says nothing", () => {
    expect([...wordsOf("What are the Orders?")]).toEqual([...wordsOf("order")]);
    expect(wordsOf("booking")).toEqual(wordsOf("booked"));
    expect(wordsOf("Where is it").size).toBe(0);
  });
});
