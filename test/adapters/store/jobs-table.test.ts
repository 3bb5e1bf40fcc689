import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { JobsTableQueue } from "../../../src/adapters/store/jobs-table.js";
import { aliveWriters, WritersTable } from "../../../src/adapters/store/writers-table.js";
import { type OpenTables, openTables } from "../../fakes/open-tables.js";
import { testSid } from "../../fakes/record-events.js";

let tables: OpenTables;
let jobs: JobsTableQueue;
let writers: WritersTable;

beforeEach(async () => {
  tables = await openTables();
  jobs = new JobsTableQueue(tables.db, tables.kind, tables.guard);
  writers = new WritersTable(tables.db, tables.kind, tables.guard);
});
afterEach(async () => await tables.close());

const SILENT_MS = 60_000;
const add = (key: string) =>
  jobs.addJob({ kind: "recording_download", callSid: testSid(1), key, payload: { url: key } });
const seenAgo = async (writer: string, ms: number) => {
  await writers.heartbeat(writer, "n1");
  await sql`update writers set seen_ms = seen_ms - ${ms} where writer = ${writer}`.execute(
    tables.db,
  );
};

describe("JobsTableQueue", () => {
  it("gives out jobs in the order in which they are due, each with its payload", async () => {
    await add("a");
    await add("b");
    await sql`update jobs set run_at_ms = run_at_ms - 1000 where id = 'b'`.execute(tables.db);
    await writers.heartbeat("w", "n1");
    expect(await jobs.takeJob("w", 60_000, SILENT_MS)).toEqual({
      id: "b",
      key: "b",
      kind: "recording_download",
      callSid: testSid(1),
      payload: { url: "b" },
      attempts: 1,
    });
    expect((await jobs.takeJob("w", 60_000, SILENT_MS))?.key).toBe("a");
    expect(await jobs.takeJob("w", 60_000, SILENT_MS)).toBeNull();
  });

  it.each<[string, () => Promise<void>, boolean]>([
    ["finished", async () => await jobs.finishJob("a"), false],
    ["failed and due again now", async () => await jobs.failJob("a", "x", 0), true],
    ["failed and due again later", async () => await jobs.failJob("a", "x", 60_000), false],
    ["given up", async () => await jobs.failJob("a", "x", null), false],
    ["held by a writer that is forgotten", async () => await writers.forgetWriter("w"), true],
    ["held by a writer that is silent", async () => await seenAgo("w", SILENT_MS + 1_000), true],
    ["held by a writer that is alive", async () => await writers.heartbeat("w", "n1"), false],
  ])("takes a job again or not when it is %s", async (_, happen, isTaken) => {
    await add("a");
    await writers.heartbeat("w", "n1");
    await jobs.takeJob("w", 60_000, SILENT_MS);
    await happen();
    expect((await jobs.takeJob("other", 60_000, SILENT_MS))?.attempts).toBe(
      isTaken ? 2 : undefined,
    );
  });

  it("keeps the beginning of the error of a job that was given up", async () => {
    await add("a");
    await jobs.failJob("a", "e".repeat(900), null);
    expect(await jobs.deadJobs(5)).toMatchObject([{ key: "a", error: "e".repeat(500) }]);
  });
});

describe("WritersTable", () => {
  const alive = async () =>
    (await aliveWriters(tables.db, tables.kind, SILENT_MS).execute()).map(({ writer }) => writer);

  it.each([
    ["a recent heartbeat", 0, true],
    ["an old heartbeat", SILENT_MS + 1_000, false],
    ["a heartbeat from the future, seen before the clock was set back", -SILENT_MS - 60_000, false],
  ])("judges a writer by %s", async (_, agoMs, isAlive) => {
    await seenAgo("w", agoMs);
    expect(await alive()).toEqual(isAlive ? ["w"] : []);
    await writers.heartbeat("w", "n1");
    expect(await alive()).toEqual(["w"]);
  });
});
