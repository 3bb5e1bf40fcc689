import { describe, expect, it } from "vitest";
import { shortened } from "../../src/domain/shortened.js";

describe("a shortened text", () => {
  it("is the text itself when that fits", () => {
    expect(shortened("", 5)).toBe("");
    expect(shortened("abcde", 5)).toBe("abcde");
    expect(shortened("🐒🐒🐒🐒🐒", 5)).toBe("🐒🐒🐒🐒🐒");
  });

  it("is cut visibly, between characters", () => {
    expect(shortened("abcdef", 5)).toBe("abcd…");
    expect(shortened("🐒🐒🐒🐒🐒🐒", 5)).toBe("🐒🐒🐒🐒…");
    expect([...shortened("🐒".repeat(1_000_000), 500)]).toHaveLength(500);
  });
});
