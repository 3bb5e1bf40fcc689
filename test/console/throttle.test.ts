import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Throttle } from "../../console/throttle.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("acts at once, then at most every so often, and the last value wins", () => {
  const done: [number, number][] = [];
  const beganMs = Date.now();
  const throttle = new Throttle<number>(250, (n) => done.push([Date.now() - beganMs, n]));
  for (let n = 0; n < 7; n++) {
    throttle.ask(n);
    vi.advanceTimersByTime(100);
  }
  vi.advanceTimersByTime(1_000);
  throttle.ask(7);
  expect(done).toEqual([
    [0, 0],
    [250, 2],
    [500, 4],
    [750, 6],
    [1_700, 7],
  ]);
});

it("does not act after it was stopped", () => {
  const done: number[] = [];
  const throttle = new Throttle<number>(250, (n) => done.push(n));
  throttle.ask(1);
  throttle.ask(2);
  throttle.stop();
  vi.advanceTimersByTime(1_000);
  expect(done).toEqual([1]);
});
