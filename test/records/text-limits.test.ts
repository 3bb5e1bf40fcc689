import { describe, expect, it } from "vitest";
import { cutText } from "../../src/records/text-limits.js";

describe("cutText", () => {
  it.each([
    ["short", 10, "short"],
    ["exactly ten", 11, "exactly ten"],
    ["x".repeat(100), 30, `${"x".repeat(8)} [cut: 100 characters]`],
    // The pair would begin at the last place.
    [`${"x".repeat(7)}\u{1f412}${"x".repeat(91)}`, 30, `${"x".repeat(7)} [cut: 100 characters]`],
  ])("%j to %i", (text, limit, cut) => {
    expect(cutText(text, limit)).toBe(cut);
  });

  it("marks a text that was shortened before", () => {
    expect(cutText("short", 100, 7_000)).toBe("short [cut: 7000 characters]");
  });
});
