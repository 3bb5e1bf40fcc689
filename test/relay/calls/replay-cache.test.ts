import { describe, expect, it } from "vitest";
import { ReplayCache } from "../../../src/relay/calls/replay-cache.js";
import { FakeClock } from "../../fakes/fake-clock.js";

describe("ReplayCache", () => {
  it("gives a key to the first that asks, and again once its time is over", () => {
    const clock = new FakeClock();
    const cache = new ReplayCache(() => clock.nowMs());
    expect([cache.claim("a", 1_000), cache.claim("b", 5_000)]).toEqual([true, true]);
    clock.advance(999);
    expect([cache.claim("a", 1_000), cache.claim("b", 5_000)]).toEqual([false, false]);
    clock.advance(1);
    expect([cache.claim("a", 1_000), cache.claim("b", 5_000)]).toEqual([true, false]);
  });

  it("forgets the oldest keys rather than growing past its size", () => {
    const cache = new ReplayCache(() => 0, 2);
    for (const key of ["a", "b", "c"]) cache.claim(key, 1_000);
    expect([cache.claim("c", 1_000), cache.claim("a", 1_000)]).toEqual([false, true]);
  });
});
