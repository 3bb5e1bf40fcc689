import { describe, expect, it } from "vitest";
import { inSlices } from "../../../src/adapters/system/slices.js";

/**
 * Takes `count` items that cost `itemMs` each, and counts the turns of the event loop meanwhile.
 */
async function take(count: number, itemMs: number): Promise<{ taken: number[]; turns: number }> {
  let nowMs = 0;
  function* items(): Generator<number> {
    for (let i = 0; i < count; i++) {
      nowMs += itemMs;
      yield i;
    }
  }
  let turns = 0;
  let running = true;
  const countTurn = (): void => {
    turns++;
    if (running) setImmediate(countTurn);
  };
  setImmediate(countTurn);
  const taken: number[] = [];
  for await (const item of inSlices(items(), () => nowMs)) taken.push(item);
  running = false;
  return { taken, turns };
}

describe("work in slices", () => {
  it("gives every item in order", async () => {
    expect((await take(5, 3)).taken).toEqual([0, 1, 2, 3, 4]);
  });

  it("returns to the event loop after each 2 ms of work", async () => {
    expect((await take(20, 1)).turns).toBeGreaterThanOrEqual(9);
  });

  it("does not wait for the event loop while the work is short", async () => {
    expect((await take(20, 0.05)).turns).toBeLessThanOrEqual(1);
  });
});
