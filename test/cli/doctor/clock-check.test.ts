import { describe, expect, it } from "vitest";
import { checkClock } from "../../../src/cli/doctor/clock-check.js";

describe("the clock", () => {
  it.each([
    [0, "ok"],
    [4_999, "ok"],
    [-5_000, "warn"],
    [59_999, "warn"],
    [60_000, "fail"],
    [-60_000, "fail"],
  ])("that is %i ms off is %s", (offMs, severity) => {
    const answers = [{ dateEpochMs: 0 }, { dateEpochMs: 1_000_000 }, { dateEpochMs: null }];
    expect(checkClock(answers, 1_000_000 + offMs).severity).toBe(severity);
  });

  it("cannot be compared with nothing", () => {
    expect(checkClock([{ dateEpochMs: null }], 0)).toMatchObject({ severity: "warn" });
  });
});
