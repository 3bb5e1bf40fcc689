import { expect, it } from "vitest";
import { openStore } from "../../../src/adapters/store/open-store.js";
import { StoredPlacedCalls } from "../../../src/adapters/store/placed-calls.js";

it("StoredPlacedCalls gives a placed call to the first process that takes it, then forgets it", async () => {
  const store = await openStore("sqlite::memory:", () => undefined, {
    nowMs: () => 0,
    observe: () => undefined,
  });
  const placed = { placedEpochMs: 5, context: { order: "A-1" } };
  await new StoredPlacedCalls(store).keep("one", placed, 60_000);
  expect(await new StoredPlacedCalls(store).take("other")).toBeNull();
  expect(await new StoredPlacedCalls(store).take("one")).toEqual(placed);
  expect(await new StoredPlacedCalls(store).take("one")).toBeNull();
  expect(await store.getState("outbound:one")).toBeNull();
  await store.close();
});
