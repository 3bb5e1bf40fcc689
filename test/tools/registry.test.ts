import { describe, expect, it } from "vitest";
import { createJsonSchemaChecker } from "../../src/adapters/tools/json-schema.js";
import { ToolRegistry } from "../../src/tools/registry.js";
import type { Tool } from "../../src/tools/tool.js";

const lookup: Tool = {
  name: "lookup",
  description: "Look up",
  parameters: {
    type: "object",
    properties: { query: { type: "string" } },
    required: ["query"],
    additionalProperties: false,
  },
  timeoutMs: 1_000,
  sayWhileWaiting: null,
  run: async () => ({ output: 1 }),
};
const lenient: Tool = {
  ...lookup,
  name: "lenient",
  readArguments: (value, text) => ({ value, text }),
};

const registry = (...tools: Tool[]) => new ToolRegistry(tools, createJsonSchemaChecker());

describe("the registry", () => {
  it("knows its tools by name, and describes them for the model", () => {
    const tools = registry(lookup, lenient);
    expect(tools.names()).toEqual(["lookup", "lenient"]);
    expect(tools.get("lookup")).toBe(lookup);
    expect(tools.get("toString")).toBeNull();
    expect(tools.specs()[0]).toEqual({
      type: "function",
      name: "lookup",
      description: "Look up",
      parameters: lookup.parameters,
    });
  });

  it("takes arguments that fit the schema", () => {
    expect(registry(lookup).check("lookup", '{"query":"x"}')).toEqual({
      ok: true,
      args: { query: "x" },
    });
  });

  it.each([
    ["{oops", "The arguments are not valid JSON."],
    ["[]", "must be object"],
    ["null", "must be object"],
    ["", "required property 'query'"],
    ['{"query":7}', "query must be string"],
    ['{"query":"x","more":1}', 'additional properties: "more"'],
  ])("tells the model what is wrong with %s", (text, problem) => {
    const checked = registry(lookup).check("lookup", text);
    expect(checked.ok ? "" : checked.problem).toContain(problem);
  });

  it("leaves the arguments to a tool that reads them itself", () => {
    const check = (text: string) => registry(lenient).check("lenient", text);
    expect(check('{"more":1}')).toEqual({
      ok: true,
      args: { value: { more: 1 }, text: '{"more":1}' },
    });
    expect(check("{oops")).toEqual({ ok: true, args: { value: undefined, text: "{oops" } });
  });

  it("refuses an unknown name, two tools of one name, and a schema that is none", () => {
    expect(() => registry(lookup).check("other", "{}")).toThrow(/no tool of that name/);
    expect(() => registry(lookup, lookup)).toThrow(/two tools/);
    const wrong = { type: "object", properties: { a: { type: "text" } } };
    expect(() => registry({ ...lookup, parameters: wrong })).toThrow(/JSON Schema/);
    expect(() => registry({ ...lookup, parameters: {} })).toThrow(/of type object/);
  });
});
