import { expect, it } from "vitest";
import { memoryState } from "../../src/records/memory-state.js";

it("a value is found until its time is up", async () => {
  let nowMs = 0;
  const state = memoryState(() => nowMs);
  await state.putState("a", "1", 100);
  expect(await state.getState("a")).toEqual({ value: "1", version: 1 });
  expect(await state.getState("b")).toBeNull();
  nowMs = 101;
  expect(await state.getState("a")).toBeNull();
});
