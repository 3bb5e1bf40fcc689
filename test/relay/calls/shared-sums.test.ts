import { expect, it } from "vitest";
import { MemorySums, windowAt } from "../../../src/relay/calls/shared-sums.js";
import { FakeClock } from "../../fakes/fake-clock.js";

it("windowAt numbers the windows of the clock", () => {
  expect([windowAt(59_999, 60_000), windowAt(60_000, 60_000)]).toEqual([0, 1]);
});

it("MemorySums adds up within a window and forgets it afterwards", async () => {
  const clock = new FakeClock();
  const sums = new MemorySums(() => clock.epochMs());
  expect([await sums.add("a", 1, 60_000), await sums.add("a", 2.5, 60_000)]).toEqual([1, 3.5]);
  expect([await sums.read("a", 60_000), await sums.read("b", 60_000)]).toEqual([3.5, 0]);
  clock.advance(60_000);
  expect(await sums.read("a", 60_000)).toBe(0);
});
