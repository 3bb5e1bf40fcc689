import { describe, expect, it } from "vitest";
import {
  checkCode,
  checkFromCode,
  createJsonSchemaChecker,
} from "../../../src/adapters/tools/json-schema.js";
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
type Schema = Readonly<Record<string, unknown>>;

describe.each([
  ["compiled here", (schema: Schema) => createJsonSchemaChecker().compile(schema)],
  ["compiled elsewhere", (schema: Schema) => checkFromCode(checkCode(schema))],
])("the checker of a tool's arguments, %s", (_, compile) => {
  const check = (value: unknown, schema: Schema = SCHEMA) => compile(schema)(value);

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

  it("knows lengths in characters, equality and patterns", () => {
    const schema = {
      type: "object",
      properties: {
        name: { type: "string", maxLength: 2, pattern: "^\\p{L}+$" },
        list: { type: "array", uniqueItems: true, items: { const: { a: 1 } } },
      },
    };
    expect(check({ name: "\u{20000}\u{20001}", list: [{ a: 1 }] }, schema)).toBeNull();
    expect(check({ name: "1", list: [{ a: 1 }, { a: 1 }] }, schema)?.split("; ")).toHaveLength(2);
  });

  it("refuses what is no JSON Schema", () => {
    const refused = () => check({}, { type: "numbr" });
    expect(refused).toThrow(RelayError);
    expect(refused).toThrow("not a JSON Schema");
  });

  it("refuses a pattern on which a caller's words could be tried for ever", () => {
    const properties = { list: { items: { properties: { mail: { pattern: "^(\\w+\\.?)+@$" } } } } };
    const refused = (schema: Schema) => () => check({}, schema);
    expect(refused({ type: "object", properties })).toThrow(/takes too long on a text such as "aa/);
    const names = { type: "object", patternProperties: { "^(a+)+$": {} } };
    expect(refused(names)).toThrow("takes too long");
    expect(check({}, { type: "object", properties: { pattern: { type: "string" } } })).toBeNull();
  });

  it("knows nothing of other schemas, even of the same name", () => {
    for (const type of ["string", "number"])
      expect(check(7, { $id: "https://x.example/a", type }) === null).toBe(type === "number");
  });
});
