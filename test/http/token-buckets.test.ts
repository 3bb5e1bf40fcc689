import { describe, expect, it } from "vitest";
import { TokenBuckets } from "../../src/http/token-buckets.js";

describe("token buckets", () => {
  it("give their capacity at once, and refill with time", () => {
    const buckets = new TokenBuckets({ capacity: 2, perSecond: 1 });
    const taken = [0, 0, 0, 500, 1000, 1000, 60_000, 60_000, 60_000].map((nowMs) =>
      buckets.take("a", nowMs),
    );
    expect(taken).toEqual([true, true, false, false, true, false, true, true, false]);
  });

  it("keep keys apart", () => {
    const buckets = new TokenBuckets({ capacity: 1, perSecond: 1 });
    expect([buckets.take("a", 0), buckets.take("a", 0), buckets.take("b", 0)]).toEqual([
      true,
      false,
      true,
    ]);
  });

  it("say that they are empty without taking anything", () => {
    const buckets = new TokenBuckets({ capacity: 1, perSecond: 1 });
    expect(buckets.isEmpty("a", 0)).toBe(false);
    buckets.take("a", 0);
    expect(buckets.isEmpty("a", 0)).toBe(true);
    expect(buckets.isEmpty("a", 1000)).toBe(false);
    expect(buckets.take("a", 1000)).toBe(true);
  });

  it("take nothing back when the clock goes backwards", () => {
    const buckets = new TokenBuckets({ capacity: 1, perSecond: 1 });
    buckets.take("a", 1000);
    expect(buckets.take("a", 0)).toBe(false);
  });

  it("forget the keys that were not used for longest when there are too many", () => {
    const buckets = new TokenBuckets({ capacity: 1, perSecond: 0 });
    buckets.take("first", 0);
    for (let i = 0; i < 4095; i++) buckets.take(`k${i}`, 0);
    expect(buckets.take("first", 0)).toBe(false);
    buckets.take("one more", 0);
    expect([buckets.isEmpty("first", 0), buckets.isEmpty("k0", 0)]).toEqual([true, false]);
  });
});
