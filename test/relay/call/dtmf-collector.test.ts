import { describe, expect, it } from "vitest";
import { DtmfCollector } from "../../../src/relay/call/dtmf-collector.js";
import { FakeClock } from "../../fakes/fake-clock.js";

function collector() {
  const clock = new FakeClock();
  const typed: string[] = [];
  const one = new DtmfCollector(clock, (digits) => typed.push(digits));
  const press = (keys: string, pauseMs = 300) => {
    for (const key of keys) {
      one.pressed(key);
      clock.advance(pauseMs);
    }
  };
  return { clock, typed, one, press };
}

describe("a DTMF collector", () => {
  it("tells a number 1.5 s after its last key", () => {
    const { clock, typed, one, press } = collector();
    press("4017");
    expect(one.isCollecting).toBe(true);
    clock.advance(1_199);
    expect(typed).toEqual([]);
    clock.advance(1);
    expect(typed).toEqual(["4017"]);
    expect(one.isCollecting).toBe(false);
  });

  it("tells it at once when # ends it", () => {
    const { typed, press } = collector();
    press("12#", 0);
    expect(typed).toEqual(["12#"]);
  });

  it("tells two numbers with a pause between them", () => {
    const { clock, typed, press } = collector();
    press("1");
    clock.advance(2_000);
    press("2");
    clock.advance(2_000);
    expect(typed).toEqual(["1", "2"]);
  });

  it("holds at most 32 digits", () => {
    const { typed, press } = collector();
    press("1".repeat(40), 0);
    expect(typed).toEqual(["1".repeat(32)]);
  });

  it("forgets what was typed, and its timer", () => {
    const { clock, typed, one, press } = collector();
    press("12");
    one.forget();
    clock.advance(5_000);
    expect(typed).toEqual([]);
    expect(one.isCollecting).toBe(false);
    expect(clock.pending).toBe(0);
  });
});
