import { describe, expect, it } from "vitest";
import { createJsonSchemaChecker } from "../../../src/adapters/tools/json-schema.js";
import { RelayError } from "../../../src/domain/errors.js";

const SCHEMA = {
  type: "object",
  properties: {
    size: { enum: ["s", "m"] },
    order: { type: "object", properties: { count: { type: "integer" } } },
  },
  required: ["size"],
  additionalProperties: false,
};
const check = (value: unknown, schema: Record<string, unknown> = SCHEMA) =>
  createJsonSchemaChecker().compile(schema)(value);

describe("the checker of a tool's arguments", () => {
  it("finds nothing wrong with arguments that fit", () => {
    expect(check({ size: "m", order: { count: 2 } })).toBeNull();
  });

  it.each([
    ["a missing key", {}, "The arguments must have required property 'size'."],
    [
      "a key too many",
      { size: "m", secret: "4111" },
      'The arguments must NOT have additional properties: "secret".',
    ],
    [
      "a value that is not offered",
      { size: "4111" },
      'size must be equal to one of the allowed values: ["s","m"].',
    ],
    [
      "a wrong type deep inside",
      { size: "m", order: { count: "4111" } },
      "order.count must be integer.",
    ],
  ])("names the place and the rule, never the value: %s", (_, value, problem) => {
    expect(check(value)).toBe(problem);
  });

  it("names all faults, up to five", () => {
    expect(check({ a: 1, size: "x" })?.split("; ")).toHaveLength(2);
    expect(check({ size: "m", a: 1, b: 1, c: 1, d: 1, e: 1, f: 1 })?.split("; ")).toHaveLength(5);
  });

  it("puts up with keywords and formats that it does not know", () => {
    const schema = { type: "string", format: "phone-number", "x-label": "Phone" };
    expect(check("not a phone number", schema)).toBeNull();
  });

  it("refuses what is no JSON Schema", () => {
    const compile = () => check({}, { type: "numbr" });
    expect(compile).toThrow(RelayError);
    expect(compile).toThrow("not a JSON Schema");
  });
});
