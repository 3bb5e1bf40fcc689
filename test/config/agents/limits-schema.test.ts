import { describe, expect, it } from "vitest";
import { limits, outbound } from "../../../src/config/agents/limits-schema.js";

describe("the limits of the agents file", () => {
  it("limit callers by nothing, and placed calls by number and minute, when nothing is said", () => {
    expect(limits.parse({})).toMatchObject({
      max_calls_per_caller: null,
      max_withheld_calls: null,
      max_calls_per_line: null,
      max_usd_per_day: null,
    });
    expect(outbound.parse({})).toEqual({
      countries: null,
      max_per_number_per_hour: 10,
      max_per_minute: 60,
      max_usd_per_day: null,
    });
  });

  it.each([
    [{ countries: [] }],
    [{ countries: ["us"] }],
    [{ countries: ["Germany"] }],
    [{ max_per_minute: 0 }],
    [{ max_usd_per_day: 0 }],
    [{ max_per_day: 1 }],
  ])("refuse %j", (input) => {
    expect(outbound.safeParse(input).success).toBe(false);
  });
});
