import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { HalfTime } from "../../../src/adapters/system/half-time.js";

function bench() {
  let nowMs = 0;
  const rests: number[] = [];
  const done: string[] = [];
  const half = new HalfTime({
    nowMs: () => nowMs,
    sleep: async (ms) => {
      rests.push(ms);
      nowMs += ms;
    },
  });
  const work = (name: string, ms: number) =>
    half.run(async () => {
      await setImmediate();
      nowMs += ms;
      done.push(`${name} at ${nowMs}`);
    });
  return { rests, done, work };
}

describe("work in half of the time", () => {
  it("rests after each piece as long as that took, and takes the next one afterwards", async () => {
    const { rests, done, work } = bench();
    work("a", 2);
    work("b", 1);
    work("c", 3);
    await expect.poll(() => rests).toEqual([2, 1, 3]);
    expect(done).toEqual(["a at 2", "b at 5", "c at 9"]);
  });

  it("does not rest long after a piece that had to wait itself", async () => {
    const { rests, work } = bench();
    work("a", 700);
    await expect.poll(() => rests).toEqual([5]);
  });
});
