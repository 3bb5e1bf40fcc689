import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RunningMedian } from "../../src/playout/running-median.js";

describe("RunningMedian", () => {
  it("is the median of the last values of its window", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -500, max: 500, noNaN: true }), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 15 }),
        (values, window) => {
          const median = new RunningMedian(window);
          for (const value of values) median.add(value);
          const sorted = values.slice(-window).sort((a, b) => a - b);
          const n = sorted.length;
          const expected = (sorted[(n - 1) >> 1]! + sorted[n >> 1]!) / 2;
          expect(median.value).toBeCloseTo(expected, 9);
          expect(median.count).toBe(n);
        },
      ),
    );
  });

  it("has no value before the first one, nor after clear", () => {
    const median = new RunningMedian(3);
    expect(median.value).toBeNaN();
    median.add(5);
    median.clear();
    expect(median.value).toBeNaN();
    expect(median.count).toBe(0);
    median.add(7);
    expect(median.value).toBe(7);
  });

  it("does not follow single values that are far off", () => {
    const median = new RunningMedian(9);
    for (const value of [10, 11, 10, 70, 10, 11, 65]) median.add(value);
    expect(median.value).toBe(11);
  });

  it("keeps the values of each apart", () => {
    const [one, other] = [new RunningMedian(3), new RunningMedian(5)];
    for (const value of [1, 2, 3]) one.add(value);
    for (const value of [70, 80, 90, 100]) other.add(value);
    one.add(4);
    expect(one.value).toBe(3);
    expect(other.value).toBe(85);
  });

  it("takes no window that does not fit into the shared memory", () => {
    expect(() => new RunningMedian(65)).toThrow(RangeError);
  });
});
