import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StateTable } from "../../../src/adapters/store/state-table.js";
import { type OpenTables, openTables } from "../../fakes/open-tables.js";

const TTL_MS = 60_000;
const EXPIRED_MS = -1;
let tables: OpenTables;
let state: StateTable;

beforeEach(async () => {
  tables = await openTables();
  state = new StateTable(tables.db, tables.kind, tables.guard);
});
afterEach(async () => await tables.close());

describe("StateTable", () => {
  /** What is stored before, the version that the change names, and whether it is stored. */
  it.each([
    ["nothing", undefined, true],
    ["nothing", 0, true],
    ["nothing", 1, false],
    ["version 2", undefined, true],
    ["version 2", 0, false],
    ["version 2", 1, false],
    ["version 2", 2, true],
    ["an expired version 2", undefined, true],
    ["an expired version 2", 0, true],
    ["an expired version 2", 2, false],
  ] as const)("over %s, a change that names version %s: %s", async (before, named, isStored) => {
    if (before !== "nothing") {
      await state.putState("k", "old", TTL_MS);
      await state.putState("k", "old", before === "version 2" ? TTL_MS : EXPIRED_MS);
    }
    expect(await state.putState("k", "new", TTL_MS, named)).toBe(isStored);
    const left = before === "version 2" ? "old" : undefined;
    expect((await state.getState("k"))?.value).toBe(isStored ? "new" : left);
  });

  it("lets a key be claimed once, and again when its time is over or it was removed", async () => {
    expect(await state.claimOnce("k", EXPIRED_MS)).toBe(true);
    expect(await state.claimOnce("k", TTL_MS)).toBe(true);
    expect(await state.claimOnce("k", TTL_MS)).toBe(false);
    await state.removeState("k");
    expect(await state.claimOnce("k", TTL_MS)).toBe(true);
  });
});
