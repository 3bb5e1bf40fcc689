import { describe, expect, it } from "vitest";
import { within } from "../../../src/relay/calls/within.js";
import { FakeClock } from "../../fakes/fake-clock.js";

describe("work that must not take long", () => {
  it("is what it resolves with, and leaves no timer", async () => {
    const clock = new FakeClock();
    expect(await within(clock, 100, Promise.resolve(7))).toBe(7);
    await expect(within(clock, 100, Promise.reject(new Error("away")))).rejects.toThrow("away");
    expect(clock.pending).toBe(0);
  });

  it("is nothing once its time is up", async () => {
    const clock = new FakeClock();
    const result = within(clock, 100, new Promise<number>(() => undefined));
    clock.advance(100);
    expect(await result).toBeNull();
  });
});
