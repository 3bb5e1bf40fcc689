import { describe, expect, it } from "vitest";
import { editDistance } from "../../src/domain/edit-distance.js";

describe("the edit distance", () => {
  it.each([
    ["", "", 0],
    ["", "abc", 3],
    ["billing", "billing", 0],
    ["billing", "biling", 1],
    ["kitten", "sitting", 3],
    ["ab", "ba", 2],
  ])("of %j and %j is %i, either way", (one, other, distance) => {
    expect(editDistance(one, other)).toBe(distance);
    expect(editDistance(other, one)).toBe(distance);
  });
});
