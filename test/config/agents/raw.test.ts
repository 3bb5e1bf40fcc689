import { describe, expect, it } from "vitest";
import { isRecord, listOf, record, textsOf } from "../../../src/config/agents/raw.js";

describe("data whose shape is unknown", () => {
  it.each([
    ["an object", { a: 1 }, true],
    ["a list", [1], false],
    ["null", null, false],
    ["a text", "a", false],
    ["nothing", undefined, false],
  ])("is a record only as an object: %s", (_, value, isOne) => {
    expect(isRecord(value)).toBe(isOne);
    expect(record(value)).toEqual(isOne ? value : {});
  });

  it("is a list only as an array", () => {
    expect(listOf([1, null])).toEqual([1, null]);
    expect([listOf({ 0: 1 }), listOf("a"), listOf(undefined)]).toEqual([null, null, null]);
  });

  it("gives the texts of a list, and leaves the rest to the schema", () => {
    expect(textsOf(["a", 1, null, "b"])).toEqual(["a", "b"]);
    expect(textsOf("a")).toBeNull();
  });
});
