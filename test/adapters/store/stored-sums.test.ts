import { expect, it } from "vitest";
import { openStore } from "../../../src/adapters/store/open-store.js";
import { StoredSums } from "../../../src/adapters/store/stored-sums.js";
import type { SharedState } from "../../../src/ports/store.js";
import { FakeClock } from "../../fakes/fake-clock.js";

const MINUTE = 60_000;

it("StoredSums loses nothing of what processes add at once, and names no number", async () => {
  const store = await openStore("sqlite::memory:", () => undefined, {
    nowMs: () => 0,
    observe: () => undefined,
  });
  const keys: string[] = [];
  const watched = {
    claimOnce: store.claimOnce.bind(store),
    getState: store.getState.bind(store),
    removeState: store.removeState.bind(store),
    putState: async (key: string, value: string, ttlMs: number, ifVersion?: number) => {
      keys.push(key);
      return await store.putState(key, value, ttlMs, ifVersion);
    },
  };
  const clock = new FakeClock();
  const sums = [new StoredSums(watched, clock), new StoredSums(watched, clock)];
  const added = Array.from({ length: 8 }, (_, i) => sums[i % 2]!.add("to:+4930123456", 1, MINUTE));
  expect((await Promise.all(added)).sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(await sums[0]!.read("to:+4930123456", MINUTE)).toBe(8);
  expect(keys.join()).not.toContain("4930123456");
  clock.advance(MINUTE);
  expect(await sums[0]!.read("to:+4930123456", MINUTE)).toBe(0);
  await store.close();
});

it.each(["", "many", "NaN", "Infinity"])("StoredSums takes %j for no sum", async (value) => {
  let stored = value;
  const store = {
    getState: async () => ({ value: stored, version: 1 }),
    putState: async (_key: string, text: string) => {
      stored = text;
      return true;
    },
  } as unknown as SharedState;
  const sums = new StoredSums(store, new FakeClock());
  expect(await sums.read("to:1", MINUTE)).toBe(0);
  expect(await sums.add("to:1", 2, MINUTE)).toBe(2);
  expect(await sums.read("to:1", MINUTE)).toBe(2);
});
