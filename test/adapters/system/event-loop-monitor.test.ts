import { describe, expect, it } from "vitest";
import { monitorEventLoop } from "../../../src/adapters/system/event-loop-monitor.js";
import { FakeClock } from "../../fakes/fake-clock.js";

describe("the event loop monitor", () => {
  it("samples four times a second: busy share, lateness and time", () => {
    const clock = new FakeClock();
    const samples: { utilisation: number; lagMs: number; nowMs: number }[] = [];
    const startMs = clock.nowMs();
    const stop = monitorEventLoop(clock, (utilisation, lagMs, nowMs) =>
      samples.push({ utilisation, lagMs, nowMs: nowMs - startMs }),
    );
    clock.advance(1000);
    expect(samples.map(({ lagMs, nowMs }) => [lagMs, nowMs])).toEqual([
      [0, 250],
      [0, 500],
      [0, 750],
      [0, 1000],
    ]);
    for (const { utilisation } of samples) {
      expect(utilisation).toBeGreaterThanOrEqual(0);
      expect(utilisation).toBeLessThanOrEqual(1);
    }
    stop();
    expect(clock.pending).toBe(0);
  });

  it("reports how late a timer was, and never a negative lateness", () => {
    const clock = new FakeClock();
    let aheadMs = 0;
    const lags: number[] = [];
    monitorEventLoop(
      {
        nowMs: () => clock.nowMs() + aheadMs,
        epochMs: () => 0,
        after: (ms, run) => clock.after(ms, run),
      },
      (_, lagMs) => lags.push(lagMs),
    );
    aheadMs = 40;
    clock.advance(250);
    aheadMs = 0;
    clock.advance(250);
    expect(lags).toEqual([40, 0]);
  });
});
