import { describe, expect, it } from "vitest";
import { didYouMean, nearest } from "../../src/config/nearest.js";

describe("nearest", () => {
  const words = ["voice", "voices", "vad", "instructions"];

  it.each([
    ["voise", "voice"],
    ["VOICE", "voice"],
    ["voicez", "voice"],
    ["instrutions", "instructions"],
    ["x", null],
    ["", null],
    ["something", null],
  ])("finds for %j: %j", (typed, expected) => {
    expect(nearest(typed, words)).toBe(expected);
  });

  it("takes the first of two that are equally near", () => {
    expect(nearest("cat", ["car", "can"])).toBe("car");
  });

  it("becomes a question, or nothing", () => {
    expect(didYouMean("voise", words)).toBe(" (did you mean voice?)");
    expect(didYouMean("something", words)).toBe("");
  });
});
