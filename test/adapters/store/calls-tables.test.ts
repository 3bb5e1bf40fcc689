/** How calls are written, read and deleted: one database in memory, its parts side by side. */
import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CallReads } from "../../../src/adapters/store/call-reads.js";
import { CallRemoval } from "../../../src/adapters/store/call-removal.js";
import { CallWrites } from "../../../src/adapters/store/call-writes.js";
import type { CallSave } from "../../../src/ports/store.js";
import { type OpenTables, openTables } from "../../fakes/open-tables.js";
import { BEGAN_MS, ended, testSid } from "../../fakes/record-events.js";
import { call, save as firstSave } from "../../fakes/searched-calls.js";

let tables: OpenTables;
let writes: CallWrites;
let reads: CallReads;
let removal: CallRemoval;

beforeEach(async () => {
  tables = await openTables();
  const { db, kind, guard } = tables;
  writes = new CallWrites(db, kind, guard);
  reads = new CallReads(db, guard);
  removal = new CallRemoval(db, kind, guard);
});
afterEach(async () => await tables.close());

const live = (n: number, basedOn = 0): CallSave => firstSave(call(n, []), basedOn);
const over = (n: number, basedOn = 0): CallSave => firstSave(call(n, [ended(5)]), basedOn);

describe("CallWrites", () => {
  it("answers in the order of the saves, whatever the order in which it writes", async () => {
    await writes.save([live(2)]);
    expect(await writes.save([live(3), live(2, 7), live(1), over(2, 1)])).toEqual([
      "saved",
      // Both are of call 2: the last outcome is that of the call.
      "saved",
      "saved",
      "saved",
    ]);
    expect((await reads.load(testSid(2)))?.version).toBe(2);
  });

  it.each([
    ["a first save of a call that is stored", live(1), "conflict"],
    ["a save of a version that is gone", live(1, 5), "conflict"],
    ["a save of a call that is not stored", live(9, 1), "conflict"],
    ["a first save of a deleted call", live(8), "deleted"],
    ["a later save of a deleted call", live(8, 1), "deleted"],
  ])("stores nothing: %s", async (_, save, outcome) => {
    await writes.save([live(1), live(8)]);
    await removal.remove(testSid(8));
    expect(await writes.save([save])).toEqual([outcome]);
    expect(await reads.load(testSid(8))).toBeNull();
    expect((await reads.load(testSid(1)))?.version).toBe(1);
  });

  it("does not ask the database to save nothing", async () => {
    expect(await writes.save([])).toEqual([]);
    expect(tables.operations).toEqual([]);
  });
});

describe("CallReads", () => {
  it("leaves out calls that are not stored", async () => {
    await writes.save([live(1), over(2)]);
    const wanted = [testSid(1), testSid(2), testSid(3)];
    expect([...(await reads.loadMany(wanted)).keys()].sort()).toEqual([testSid(1), testSid(2)]);
    expect([...(await reads.loadJson(wanted)).keys()].sort()).toEqual([testSid(1), testSid(2)]);
    expect(await reads.load(testSid(3))).toBeNull();
  });

  it("gives a record as it was saved, parsed or as JSON", async () => {
    const save = { ...over(1), applied: { w: 4 }, owner: "w" };
    await writes.save([save]);
    expect(await reads.load(testSid(1))).toEqual({
      record: save.record,
      version: 1,
      applied: { w: 4 },
      owner: "w",
    });
    const json = (await reads.loadJson([testSid(1)])).get(testSid(1));
    expect(JSON.parse(json ?? "")).toEqual(save.record);
  });

  it("does not ask the database for no calls", async () => {
    expect((await reads.loadMany([])).size + (await reads.loadJson([])).size).toBe(0);
    expect(tables.operations).toEqual([]);
  });
});

describe("CallRemoval", () => {
  const keysOf = async (table: "call_state" | "jobs" | "writers" | "deleted_calls") =>
    (await sql<{ key: string }>`select * from ${sql.table(table)}`.execute(tables.db)).rows.length;

  it("removes a call with its state and jobs, but for the job that removes its recording", async () => {
    await writes.save([over(1), over(2)]);
    await sql`insert into call_state values (${`transfer:${testSid(1)}`}, '', 1, 9e15),
      ('other', '', 1, 9e15)`.execute(tables.db);
    for (const kind of ["recording_download", "recording_remove"])
      await sql`insert into jobs values (${kind}, ${kind}, ${testSid(1)}, '{}', 'due', 0, 0, null,
        null, 0)`.execute(tables.db);
    expect(await removal.remove(testSid(1))).toBe(true);
    expect(await removal.remove(testSid(1))).toBe(false);
    expect(await reads.load(testSid(2))).not.toBeNull();
    expect([
      await keysOf("call_state"),
      await keysOf("jobs"),
      await keysOf("deleted_calls"),
    ]).toEqual([1, 1, 1]);
  });

  it("finds ended calls before a time, oldest first, as many as are wanted", async () => {
    await writes.save([over(3), over(1), live(2), over(4)]);
    expect(await removal.expiredCalls(BEGAN_MS + 4_000, 10)).toEqual([testSid(1), testSid(3)]);
    expect(await removal.expiredCalls(BEGAN_MS + 9_000, 1)).toEqual([testSid(1)]);
    expect(await removal.expiredRecordings(BEGAN_MS + 9_000, 10)).toEqual([]);
  });

  it("sweeps what is old, and a call that a save has brought back", async () => {
    const DAY_MS = 86_400_000;
    const ago = (days: number) => Date.now() - days * DAY_MS;
    await writes.save([over(1), over(2)]);
    await sql`insert into deleted_calls values (${testSid(1)}, ${ago(1)}), ('old', ${ago(91)})`.execute(
      tables.db,
    );
    await sql`insert into writers values ('gone', 'n', ${ago(8)}), ('here', 'n', ${ago(6)})`.execute(
      tables.db,
    );
    await sql`insert into call_state values ('past', '', 1, ${ago(0) - 1000}), ('k', '', 1, 9e15)`.execute(
      tables.db,
    );
    for (const [id, state, days] of [
      ["a", "done", 8],
      ["b", "done", 6],
      ["c", "dead", 8],
    ] as const)
      await sql`insert into jobs values (${id}, 'recording_download', 'x', '{}', ${state}, 1, 0, null,
        null, ${ago(days)})`.execute(tables.db);
    await removal.sweep();
    expect(await reads.load(testSid(1))).toBeNull();
    expect(await reads.load(testSid(2))).not.toBeNull();
    expect([
      await keysOf("deleted_calls"),
      await keysOf("writers"),
      await keysOf("call_state"),
      await keysOf("jobs"),
    ]).toEqual([1, 1, 1, 2]);
  });
});
