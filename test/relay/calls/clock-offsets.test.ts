import { describe, expect, it } from "vitest";
import { ClockOffsets } from "../../../src/relay/calls/clock-offsets.js";

const KEPT_MS = 120_000;

function offsets() {
  const time = { nowMs: 1_000, epochMs: 1_000_000 };
  const clock = { nowMs: () => time.nowMs, epochMs: () => time.epochMs };
  const pass = (ms: number): void => {
    time.nowMs += ms;
    time.epochMs += ms;
  };
  return { time, pass, offsets: new ClockOffsets(clock, KEPT_MS) };
}

describe("the ages of a wall-clock time", () => {
  it("are one while the clock runs on, also with drift", () => {
    const { time, pass, offsets: one } = offsets();
    pass(5_000);
    expect(one.agesMs(1_000_000)).toEqual([5_000]);
    time.epochMs += 900;
    expect(one.agesMs(1_000_000)).toEqual([5_900]);
  });

  it("are those by the clock as it was before each step, too, for a while", () => {
    const { time, pass, offsets: one } = offsets();
    pass(5_000);
    time.epochMs += 3_600_000;
    expect(one.agesMs(1_000_000)).toEqual([3_605_000, 5_000]);
    time.epochMs -= 7_200_000;
    expect(one.agesMs(1_000_000)).toEqual([-3_595_000, 3_605_000, 5_000]);
    pass(KEPT_MS - 1);
    expect(one.agesMs(1_000_000)).toHaveLength(3);
    pass(1);
    expect(one.agesMs(1_000_000)).toEqual([-3_475_000]);
  });

  it("are bounded, however often the clock is set", () => {
    const { time, offsets: one } = offsets();
    for (let i = 0; i < 50; i++) {
      time.epochMs += 2_000;
      one.agesMs(0);
    }
    expect(one.agesMs(0)).toHaveLength(9);
  });
});
