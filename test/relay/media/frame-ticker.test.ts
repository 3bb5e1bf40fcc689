import { beforeEach, describe, expect, it } from "vitest";
import { FrameTicker } from "../../../src/relay/media/frame-ticker.js";
import { FakeClock } from "../../fakes/fake-clock.js";

let clock: FakeClock;
let errors: unknown[];
let ticker: FrameTicker;
let ticks: number[];
const target = { tick: (nowMs: number) => void ticks.push(nowMs) };

beforeEach(() => {
  clock = new FakeClock(1_000);
  errors = [];
  ticks = [];
  ticker = new FrameTicker(clock, (error) => void errors.push(error));
});

describe("FrameTicker", () => {
  it("ticks every 20 ms, for all calls by one timer", () => {
    ticker.add(target);
    ticker.add({ tick: () => {} });
    expect([ticker.size, clock.pending]).toEqual([2, 1]);
    clock.advance(60);
    expect(ticks).toEqual([1_020, 1_040, 1_060]);
  });

  it("does not add up lateness: each tick is planned from the first", () => {
    ticker.add(target);
    clock.standStill(27);
    expect([ticks, ticker.lateMs]).toEqual([[1_027], 7]);
    clock.advance(33);
    expect([ticks, ticker.lateMs]).toEqual([[1_027, 1_040, 1_060], 0]);
  });

  it("does not repeat the ticks that a stall has swallowed", () => {
    ticker.add(target);
    clock.standStill(505);
    clock.advance(15);
    expect(ticks).toEqual([1_505, 1_520]);
  });

  it("goes on for the other calls when one fails", () => {
    const fault = new Error("one call's");
    ticker.add({
      tick: () => {
        throw fault;
      },
    });
    ticker.add(target);
    clock.advance(40);
    expect([ticks, errors]).toEqual([
      [1_020, 1_040],
      [fault, fault],
    ]);
  });

  it("stops its timer with the last call, and begins anew with the next", () => {
    ticker.add(target);
    ticker.remove(target);
    ticker.remove(target);
    expect([ticker.size, clock.pending]).toEqual([0, 0]);
    clock.advance(50);
    ticker.add(target);
    clock.advance(20);
    expect(ticks).toEqual([1_070]);
  });

  it("leaves out a call that its own frames drive, until one is missed", () => {
    const slot = ticker.add(target);
    for (let ms = 1_010; ms <= 1_090; ms += 20) {
      clock.advance(ms - clock.nowMs());
      ticker.driven(slot, ms);
    }
    expect(ticks).toEqual([]);
    clock.advance(31);
    expect(ticks).toEqual([1_120]);
  });

  it("gives a free slot to the next call, which nothing has driven yet", () => {
    const first = ticker.add({ tick: () => {} });
    const gone = { tick: () => {} };
    const slot = ticker.add(gone);
    ticker.driven(slot, 1_000_000);
    ticker.remove(gone);
    expect([ticker.add(target), ticker.add(target), ticker.size]).toEqual([slot, slot, 2]);
    expect(slot).not.toBe(first);
    clock.advance(20);
    expect(ticks).toEqual([1_020]);
  });

  it("has a slot for every call", () => {
    const slots = Array.from({ length: 300 }, () => ticker.add({ tick: () => {} }));
    expect(new Set(slots).size).toBe(300);
    for (const slot of slots) ticker.driven(slot, 1_000);
    ticker.add(target);
    clock.advance(20);
    expect(ticks).toEqual([1_020]);
  });

  it("stops when a call removes itself in its tick", () => {
    const once = {
      tick: (nowMs: number) => {
        ticks.push(nowMs);
        ticker.remove(once);
      },
    };
    ticker.add(once);
    clock.advance(100);
    expect([ticks, clock.pending]).toEqual([[1_020], 0]);
  });
});
