import { describe, expect, it } from "vitest";
import { RoundLimit } from "../../src/tools/round-limit.js";
import { FakeClock } from "../fakes/fake-clock.js";

describe("rounds of tool calls in a row", () => {
  it("run five times, and are slowed down from the sixth on", () => {
    const limit = new RoundLimit(new FakeClock());
    const pauses = Array.from({ length: 12 }, () => {
      const pauseMs = limit.begin();
      limit.answered();
      return pauseMs;
    });
    expect(pauses).toEqual([0, 0, 0, 0, 0, 1_000, 2_000, 3_000, 4_000, 5_000, 5_000, 5_000]);
  });

  it("are counted anew once the caller has been spoken to", () => {
    const clock = new FakeClock();
    const limit = new RoundLimit(clock);
    for (let i = 0; i < 20; i++) {
      expect(limit.begin()).toBe(0);
      // The tool itself may take long: only the model's own quickness counts.
      clock.advance(10_000);
      limit.answered();
      clock.advance(3_000);
    }
  });

  it("are counted anew once the model has replied, however quickly the caller goes on", () => {
    const limit = new RoundLimit(new FakeClock());
    for (let i = 0; i < 20; i++) {
      expect(limit.begin()).toBe(0);
      limit.answered();
      limit.replied();
    }
  });

  it("are in a row however long the tools take", () => {
    const clock = new FakeClock();
    const limit = new RoundLimit(clock);
    for (let i = 0; i < 5; i++) {
      limit.begin();
      clock.advance(10_000);
      limit.answered();
      clock.advance(2_999);
    }
    expect(limit.begin()).toBe(1_000);
  });
});
