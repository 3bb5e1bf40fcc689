import { describe, expect, it } from "vitest";
import { ReplayClock } from "../../src/recorder/replay-clock.js";
import { nextTimer } from "../../src/recorder/timer-names.js";

describe("a timer of a recording", () => {
  it("is named after its delay, and how many of that delay there were", () => {
    const set = new Map<number, number>();
    expect([nextTimer(set, 100), nextTimer(set, 3_000), nextTimer(set, 99.6)]).toEqual([
      "100 ms #1",
      "3000 ms #1",
      "100 ms #2",
    ]);
  });
});

describe("the clock of a replay", () => {
  it("runs recorded timers when they ran, not when they were due", () => {
    const clock = new ReplayClock(1_000, { ran: new Set(["100 ms #1"]), cancelled: new Map() });
    const ran: number[] = [];
    clock.after(100, () => ran.push(clock.nowMs()));
    clock.advanceTo(250);
    expect(ran).toEqual([]);
    clock.runTimer("100 ms #1");
    clock.runTimer("100 ms #1");
    expect(ran).toEqual([250]);
    expect(clock.epochMs()).toBe(1_250);
  });

  it("lets a timer that was cancelled wait as long at least", () => {
    const clock = new ReplayClock(0, {
      ran: new Set(),
      cancelled: new Map([["100 ms #1", 400]]),
    });
    let ran = 0;
    const timer = clock.after(100, () => ran++);
    clock.advanceTo(400);
    expect(ran).toBe(0);
    timer.cancel();
    clock.advanceTo(1_000);
    expect(ran).toBe(0);
  });

  it("runs new timers at their own time, in order, those that they set included", () => {
    const clock = new ReplayClock(0);
    const ran: string[] = [];
    clock.after(200, () => ran.push(`b ${clock.nowMs()}`));
    clock.after(100, () => {
      ran.push(`a ${clock.nowMs()}`);
      clock.after(50, () => ran.push(`c ${clock.nowMs()}`));
    });
    clock.advanceTo(500);
    expect(ran).toEqual(["a 100", "c 150", "b 200"]);
    expect(clock.nowMs()).toBe(500);
  });
});
