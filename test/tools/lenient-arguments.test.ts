import { describe, expect, it } from "vitest";
import { lenientText, lenientUrgency, readLenient } from "../../src/tools/lenient-arguments.js";

function read(text: string) {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  return readLenient(value, text, "destination");
}

describe("arguments of any form", () => {
  it.each<[string, unknown]>([
    ['{"destination":"desk","extra":1}', { destination: "desk", extra: 1 }],
    ['"desk"', { destination: "desk" }],
    ['["desk","sip"]', { destination: "desk" }],
    ['[{"destination":"desk"}]', { destination: "desk" }],
    ["7", { destination: 7 }],
    ["null", {}],
    ["[]", { destination: undefined }],
    // The model was cut off in mid-sentence.
    ['{"destination": "front desk", "reason": "they wa', { destination: "front desk" }],
    ['{"destination": "a \\"b\\" c", "rea', { destination: 'a \\"b\\" c' }],
    ["{oops", {}],
    ["", {}],
    ['[[["desk"]]]', { destination: "desk" }],
    ["[[null]]", {}],
  ])("%s are read", (text, args) => {
    expect(read(text)).toEqual(args);
  });

  it("are none where lists are nested deeper than the stack is", () => {
    expect(read("[".repeat(60_000) + "]".repeat(60_000))).toEqual({});
  });
});

describe("a text of any type", () => {
  it.each<[unknown, string | null]>([
    ["lost parcel", "lost parcel"],
    ["  ", null],
    [null, null],
    [undefined, null],
    [42, "42"],
    [false, "false"],
    [["a", 2, null, ["b"]], "a; 2; b"],
    [{ why: "lost" }, '{"why":"lost"}'],
  ])("%j is read", (value, text) => {
    expect(lenientText(value, 500)).toBe(text);
  });

  it("is none where values are nested deeper than the stack is", () => {
    const lists = JSON.parse("[".repeat(60_000) + "]".repeat(60_000));
    const objects = JSON.parse(`${'{"a":'.repeat(60_000)}1${"}".repeat(60_000)}`);
    expect([lenientText(lists, 500), lenientText(objects, 500)]).toEqual([null, null]);
    expect(lenientUrgency(lists)).toBeNull();
  });

  it("is cut visibly, between characters", () => {
    expect(lenientText("x".repeat(501), 500)).toBe(`${"x".repeat(499)}…`);
    expect(lenientText("🐒".repeat(501), 500)).toBe(`${"🐒".repeat(499)}…`);
    expect(lenientText("x".repeat(500), 500)).toHaveLength(500);
    expect(lenientText("x".repeat(10_000_000), 500)).toHaveLength(500);
  });
});

describe("an urgency in any words", () => {
  it.each([
    ["low", "low"],
    ["HIGH", "high"],
    ["critical", "high"],
    ["P1", "high"],
    ["very-urgent", "high"],
    ["normal", "medium"],
    ["p3", "low"],
    [["high"], "high"],
    ["whatever", null],
    [3, null],
    [null, null],
  ])("%j is %s", (value, urgency) => {
    expect(lenientUrgency(value)).toBe(urgency);
  });
});
