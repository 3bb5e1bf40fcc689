import { describe, expect, it } from "vitest";
import { BodyBudget } from "../../src/http/body-budget.js";

const KIB = 1024;

describe("the budget of bodies", () => {
  it("bounds what one address may have under way", () => {
    const budget = new BodyBudget({ bytesInAll: 100 * KIB, bytesPerAddress: 16 * KIB });
    expect(budget.reserve("a", 12 * KIB)).not.toBeNull();
    expect(budget.reserve("a", 8 * KIB)).toBeNull();
    expect(budget.reserve("b", 8 * KIB)).not.toBeNull();
    expect(budget.bytes).toBe(20 * KIB);
  });

  it("bounds what all addresses together may have under way", () => {
    const budget = new BodyBudget({ bytesInAll: 16 * KIB, bytesPerAddress: 16 * KIB });
    expect(["a", "b", "c"].map((address) => budget.reserve(address, 8 * KIB) !== null)).toEqual([
      true,
      true,
      false,
    ]);
  });

  it("counts a short body as 4 KiB, so that the number of bodies is bounded too", () => {
    const budget = new BodyBudget({ bytesInAll: 8 * KIB, bytesPerAddress: 8 * KIB });
    expect([1, 0, 1].map((bytes) => budget.reserve("a", bytes) !== null)).toEqual([
      true,
      true,
      false,
    ]);
  });

  it("takes bytes back once, however often they are given back", () => {
    const budget = new BodyBudget({ bytesInAll: 8 * KIB, bytesPerAddress: 8 * KIB });
    const release = budget.reserve("a", 8 * KIB);
    release?.();
    release?.();
    expect(budget.bytes).toBe(0);
    expect(budget.reserve("a", 8 * KIB)).not.toBeNull();
  });
});
