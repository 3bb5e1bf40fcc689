import { describe, expect, it } from "vitest";
import {
  isCountryCode,
  numberPlans,
  shapeProblem,
} from "../../../src/config/agents/number-plans.js";

describe("numberPlans", () => {
  it.each([
    ["+12025550177", null, "US"],
    ["+15551112222", null, "US"],
    ["+18765550123", null, "JM"],
    ["+442079460123", null, "GB"],
    ["+19005551234", "premium_number", null],
    ["+80812345678", "premium_number", null],
    ["+979123456789", "premium_number", null],
    ["+870773111632", "satellite_number", null],
    ["+881612345678", "satellite_number", null],
    ["+88213123456", "satellite_number", null],
    ["+883510012345", "satellite_number", null],
  ] as const)("of %s: %s, in %s", (number, costly, country) => {
    expect(shapeProblem(number)).toBeNull();
    expect(numberPlans.costly(number)).toBe(costly);
    if (costly === null) expect(numberPlans.country(number)).toBe(country);
  });

  it("knows countries by their codes in capital letters", () => {
    expect(["US", "GB", "us", "UK", "USA", "__proto__"].map(isCountryCode)).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
  });
});
