import { describe, expect, it } from "vitest";
import { WireError } from "../../src/domain/errors.js";
import { Fields } from "../../src/wire/fields.js";

const bytes = (text: string) => new TextEncoder().encode(text);
const parse = (text: string, maxBytes = 1_000) => Fields.parse(bytes(text), maxBytes, "peer");
const of = (value: unknown) => parse(JSON.stringify({ a: value }));

describe("a message", () => {
  it.each([
    ["is longer than allowed", () => parse('{"a":"secret"}', 5), "14 bytes, at most 5"],
    ["is not JSON", () => parse("secret"), "not JSON"],
    ["is not UTF-8", () => Fields.parse(Uint8Array.of(0xc3, 0x28), 9, "peer"), "not JSON"],
    ["is JSON and no object", () => parse('["secret"]'), "not a JSON object"],
    ["is null", () => parse("null"), "not a JSON object"],
  ])("is refused when it %s, and never quoted", (_, read, problem) => {
    expect(read).toThrow(WireError);
    expect(read).toThrow(problem);
    expect(read).not.toThrow("secret");
  });

  it("may be as long as allowed", () => {
    expect(parse('{"a":1}', 7).number("a")).toBe(1);
  });
});

type Reader = "string" | "id" | "number" | "count" | "digits" | "object" | "objects";

describe("a field", () => {
  it.each<[Reader, unknown, unknown]>([
    ["string", "", ""],
    ["id", "x".repeat(512), "x".repeat(512)],
    ["number", -1.5, -1.5],
    ["count", 0, 0],
    ["digits", "00120", 120],
    ["digits", 120, 120],
  ])("is read as %s from %j", (reader, value, read) => {
    expect(of(value)[reader]("a")).toEqual(read);
  });

  it.each<[Reader, readonly unknown[]]>([
    ["string", [1, null, undefined, {}]],
    ["id", ["", "x".repeat(513), 1]],
    ["number", ["1", null]],
    ["count", [-1, 1.5, 2 ** 53, "1"]],
    ["digits", ["", "1.5", "-1", "1".repeat(16), -1]],
    ["object", [[], "x", null]],
    ["objects", [{}, ["x"], [null]]],
  ])("is not read as %s from anything else", (reader, values) => {
    for (const value of values) expect(() => of(value)[reader]("a")).toThrow(WireError);
  });

  it("may not be infinite: JSON has no such number", () => {
    expect(() => parse('{"a":1e999}').number("a")).toThrow("a is not a number");
  });

  it.each([
    ["stringOrNull"],
    ["idOrNull"],
    ["numberOrNull"],
    ["countOrNull"],
    ["objectOrNull"],
  ] as const)(
    "is null for %s when it is absent or null, and an error when it is wrong",
    (reader) => {
      expect(of(null)[reader]("a")).toBeNull();
      expect(of(1)[reader]("b")).toBeNull();
      expect(() => of([])[reader]("a")).toThrow(WireError);
    },
  );

  it("is not inherited from the prototype of objects", () => {
    expect(parse("{}").has("constructor")).toBe(false);
    expect(() => parse("{}").object("__proto__")).toThrow(WireError);
  });

  it("is named with its place and without its value", () => {
    const inner = of({ b: [{ c: "secret" }] });
    const read = () => inner.object("a").objects("b")[0]?.number("c");
    expect(read).toThrow("peer: a: b[]: c is not a number");
  });
});

describe("lists and maps", () => {
  it("lets an array be read without what does not belong in it", () => {
    const among = of([{ n: 1 }, "x", null, { n: 2 }]).objectsAmong("a");
    expect(among.map((entry) => entry.number("n"))).toEqual([1, 2]);
    expect(of("x").objectsAmong("a")).toEqual([]);
  });

  it("reads a map whose keys the peer chose without a prototype", () => {
    const map = parse('{"a":{"__proto__":"x","b":"y"}}').stringMap("a");
    expect(Object.getPrototypeOf(map)).toBeNull();
    expect(Object.entries(map)).toEqual([
      ["__proto__", "x"],
      ["b", "y"],
    ]);
    expect(() => of({ b: 1 }).stringMap("a")).toThrow(WireError);
    expect(() => of(["x"]).stringMap("a")).toThrow(WireError);
  });
});
