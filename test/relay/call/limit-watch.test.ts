import { describe, expect, it } from "vitest";
import { LimitWatch } from "../../../src/relay/call/limit-watch.js";

const limits = { maxCallMinutes: 20, idleHangupS: 60, maxToolCalls: 40, maxCostUsd: 5 };

/** All verdicts of a silent line between two instants, each with its second. */
function silence(watch: LimitWatch, fromS: number, toS: number): [number, string][] {
  const out: [number, string][] = [];
  for (let s = fromS; s <= toS; s++) {
    const verdict = watch.check(s * 1000, true, 0);
    if (verdict !== null) out.push([s, verdict]);
  }
  return out;
}

describe("LimitWatch", () => {
  it("asks twice within a minute of silence, then gives up, once", () => {
    const watch = new LimitWatch(limits, 55);
    watch.started(0);
    expect(silence(watch, 0, 100)).toEqual([
      [20, "idle_prompt"],
      [40, "idle_prompt"],
      [60, "idle"],
    ]);
  });

  it("asks once when the idle limit is short", () => {
    const watch = new LimitWatch({ ...limits, idleHangupS: 20 }, 55);
    watch.started(0);
    expect(silence(watch, 0, 30)).toEqual([
      [10, "idle_prompt"],
      [20, "idle"],
    ]);
  });

  it("does not take its own question, or the model's, for a sign of life", () => {
    const watch = new LimitWatch(limits, 55);
    watch.started(0);
    expect(silence(watch, 0, 20)).toHaveLength(1);
    watch.agentActive(22_000);
    expect(silence(watch, 22, 40)).toEqual([[40, "idle_prompt"]]);
    watch.callerActive(41_000);
    watch.modelPrompted();
    watch.agentActive(50_000);
    expect(silence(watch, 51, 101)).toEqual([
      [81, "idle_prompt"],
      [101, "idle"],
    ]);
  });

  it("counts silence from the last word of either side, and never while either is busy", () => {
    const watch = new LimitWatch(limits, 55);
    watch.started(0);
    watch.callerActive(10_000);
    watch.agentActive(15_000);
    expect(silence(watch, 16, 35)).toEqual([[35, "idle_prompt"]]);
    watch.callerActive(36_000);
    expect(watch.check(100_000, false, 0)).toBeNull();
  });

  it("warns a minute before the time is up, in the last fifth of a short call, and only in a pause", () => {
    const quiet = { ...limits, idleHangupS: null };
    const watch = new LimitWatch(quiet, 55);
    watch.started(0);
    expect(watch.check(19 * 60_000, false, 0)).toBeNull();
    expect(watch.check(19 * 60_000 + 1, true, 0)).toBe("time_warning");
    expect(watch.check(20 * 60_000, false, 0)).toBe("max_call_minutes");
    expect(watch.check(21 * 60_000, true, 0)).toBeNull();
    const short = new LimitWatch({ ...quiet, maxCallMinutes: 1 }, 55);
    short.started(0);
    expect(short.check(47_999, true, 0)).toBeNull();
    expect(short.check(48_000, true, 0)).toBe("time_warning");
  });

  it("is bounded by the process's own limit, and does not begin anew for a caller who comes back", () => {
    const watch = new LimitWatch({ ...limits, idleHangupS: null }, 10);
    watch.started(0);
    watch.started(8 * 60_000);
    expect(watch.check(10 * 60_000, false, 0)).toBe("max_call_minutes");
  });

  it("stops a call that has cost too much, even while it talks; without limits it says nothing", () => {
    const watch = new LimitWatch(limits, 55);
    expect(watch.check(5, true, 9)).toBeNull();
    watch.started(0);
    expect(watch.check(5, false, 5)).toBe("max_cost_usd");
    const free = new LimitWatch({ ...limits, idleHangupS: null, maxCostUsd: null }, 55);
    free.started(0);
    expect(free.check(600_000, true, 1e9)).toBeNull();
  });
});
