import { expect, it } from "vitest";
import { CallTimers } from "../../../src/relay/call/call-timers.js";
import { FakeClock } from "../../fakes/fake-clock.js";

function timers() {
  const clock = new FakeClock();
  const expired: string[] = [];
  return { clock, expired, one: new CallTimers<"a" | "b">(clock, (name) => expired.push(name)) };
}

it("expires each named timer once", () => {
  const { clock, expired, one } = timers();
  one.arm("a", 200);
  one.arm("b", 100);
  clock.advance(1_000);
  expect(expired).toEqual(["b", "a"]);
});

it("puts a timer in the place of an earlier one with its name", () => {
  const { clock, expired, one } = timers();
  one.arm("a", 100);
  one.arm("a", 500);
  clock.advance(499);
  expect(expired).toEqual([]);
  clock.advance(1);
  expect(expired).toEqual(["a"]);
});

it("leaves nothing behind once it is disarmed", () => {
  const { clock, expired, one } = timers();
  one.arm("a", 100);
  one.arm("b", 100);
  one.disarm("a");
  one.disarmAll();
  expect(clock.pending).toBe(0);
  clock.advance(1_000);
  expect(expired).toEqual([]);
});
