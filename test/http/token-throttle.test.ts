import { describe, expect, it } from "vitest";
import { TokenThrottle } from "../../src/http/token-throttle.js";
import { FakeClock } from "../fakes/fake-clock.js";

/** How many of `count` wrong tokens have been answered. */
function guess(throttle: TokenThrottle, address: string, count: number): { answered: number } {
  const seen = { answered: 0 };
  for (let i = 0; i < count; i++) {
    throttle.wrongToken(address).then(() => {
      seen.answered += 1;
    });
  }
  return seen;
}
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe("the throttle of operator tokens", () => {
  it("answers five wrong tokens at once and the next after a second", async () => {
    const clock = new FakeClock();
    const throttle = new TokenThrottle(clock);
    const seen = guess(throttle, "a", 6);
    await settle();
    expect(seen.answered).toBe(5);
    clock.advance(999);
    await settle();
    expect(seen.answered).toBe(5);
    clock.advance(1);
    await settle();
    expect(seen.answered).toBe(6);
  });

  it("blocks an address while eight of its guesses wait, and no other", async () => {
    const clock = new FakeClock();
    const throttle = new TokenThrottle(clock);
    guess(throttle, "a", 5 + 7);
    expect(throttle.isBlocked("a")).toBe(false);
    guess(throttle, "a", 1);
    expect([throttle.isBlocked("a"), throttle.isBlocked("b")]).toEqual([true, false]);
    clock.advance(1000);
    await settle();
    expect(throttle.isBlocked("a")).toBe(false);
  });

  it("blocks all addresses while 64 guesses wait in all", () => {
    const throttle = new TokenThrottle(new FakeClock());
    for (let n = 0; n < 16; n++) guess(throttle, `a${n}`, 5 + 4);
    expect(throttle.isBlocked("someone else")).toBe(true);
  });
});
