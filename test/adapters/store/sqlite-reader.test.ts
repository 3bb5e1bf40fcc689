import { mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { Kysely, sql } from "kysely";
import Database from "libsql";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SqliteReader } from "../../../src/adapters/store/sqlite-reader.js";
import type { Tables } from "../../../src/adapters/store/tables.js";

const ROWS = 200_000;

function makeDatabase(path: string, rows: number): void {
  const client = new Database(path);
  client.exec("pragma journal_mode = wal; create table t (n integer, text text)");
  client.exec(`with recursive c (n) as (select 1 union all select n + 1 from c where n < ${rows})
    insert into t select n, 'row number ' || n from c`);
  client.close();
}

/** A single step, which takes about a second for eight million. */
const slow = (db: Kysely<Tables>, n: number) =>
  sql`with recursive c (n) as (select 1 union all select n + 1 from c where n < ${n})
    select count(*) as n from c`.execute(db);
const quick = (db: Kysely<Tables>) => sql`select n from t`.execute(db);

describe("the reader of an SQLite file", () => {
  let home: string;
  let path: string;
  let db: Kysely<Tables>;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), "murelay-reader-"));
    path = join(home, "a.db");
    db = new Kysely<Tables>({ dialect: new SqliteReader(path) });
  });
  afterEach(async () => {
    await db.destroy();
    rmSync(home, { recursive: true, force: true });
  });

  it("lets the event loop turn while a query looks through many rows", async () => {
    makeDatabase(path, ROWS);
    let isOver = false;
    let turns = 0;
    const query = sql<{ n: number }>`select n from t where text like ${"%9999%"}`
      .execute(db)
      .finally(() => {
        isOver = true;
      });
    // Its first rows are found early; libsql's promise API reads the others on the caller's thread.
    while (!isOver) {
      await setImmediate();
      turns += 1;
    }
    expect((await query).rows.length).toBeGreaterThan(20);
    expect(turns).toBeGreaterThan(20);
  });

  it("gives SQLite's errors with their codes, and goes on", async () => {
    makeDatabase(path, 1);
    await expect(sql`select * from nothing`.execute(db)).rejects.toMatchObject({
      code: "SQLITE_ERROR",
    });
    await expect(sql`delete from t`.execute(db)).rejects.toMatchObject({
      code: expect.stringMatching(/^SQLITE_(READONLY|ERROR)/),
    });
    expect((await sql`select n from t`.execute(db)).rows).toEqual([{ n: 1 }]);
  });

  it("reads the new file once the old one was replaced", async () => {
    makeDatabase(path, 2);
    expect((await sql`select n from t`.execute(db)).rows).toHaveLength(2);
    makeDatabase(join(home, "b.db"), 3);
    renameSync(join(home, "b.db"), path);
    expect((await sql`select n from t`.execute(db)).rows).toHaveLength(3);
  });

  it("refuses more queries than it can have waiting, and none after that", async () => {
    makeDatabase(path, 1);
    const all = await Promise.allSettled(
      Array.from({ length: 60 }, async () => await sql`select n from t`.execute(db)),
    );
    const refused = all.filter(({ status }) => status === "rejected");
    expect(refused).toHaveLength(10);
    expect(refused[0]).toMatchObject({ reason: { code: "SQLITE_BUSY" } });
    expect((await sql`select n from t`.execute(db)).rows).toEqual([{ n: 1 }]);
  });

  it("ends what waits when it is closed", async () => {
    makeDatabase(path, ROWS);
    const query = sql`select count(*) from t a, t b where a.text = b.text || 'x'`.execute(db);
    const answer = expect(query).rejects.toThrow("closed");
    await setImmediate();
    await db.destroy();
    await answer;
    db = new Kysely<Tables>({ dialect: new SqliteReader(path) });
  });

  describe("when time passes", () => {
    beforeEach(() => vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
    afterEach(() => vi.useRealTimers());

    it("fails only the query that takes too long, and gives the others to a new thread", async () => {
      makeDatabase(path, 1);
      const long = slow(db, 5_000_000);
      const failed = expect(long).rejects.toMatchObject({ code: "SQLITE_INTERRUPT" });
      const others = [quick(db), quick(db)];
      await setImmediate();
      vi.advanceTimersByTime(11_000);
      await failed;
      // Until the thread has ended there is no other one.
      await expect(quick(db)).rejects.toMatchObject({ code: "SQLITE_BUSY" });
      for (const { rows } of await Promise.all(others)) expect(rows).toEqual([{ n: 1 }]);
      expect((await quick(db)).rows).toEqual([{ n: 1 }]);
    });

    it("counts a query's time from when the thread gets it", async () => {
      makeDatabase(path, 1);
      const queries = [quick(db), slow(db, 1_000_000)];
      await setImmediate();
      vi.advanceTimersByTime(9_000);
      await queries[0];
      await setImmediate();
      vi.advanceTimersByTime(9_000);
      expect((await queries[1])?.rows).toEqual([{ n: 1_000_000 }]);
    });

    it("refuses a query that waited too long for the thread", async () => {
      makeDatabase(path, 1);
      const first = expect(slow(db, 1_000_000)).rejects.toMatchObject({ code: "SQLITE_INTERRUPT" });
      const second = expect(quick(db)).rejects.toMatchObject({ code: "SQLITE_BUSY" });
      await setImmediate();
      vi.advanceTimersByTime(21_000);
      await Promise.all([first, second]);
    });

    it("does not wait long for a step that is going on when it is closed", async () => {
      makeDatabase(path, 1);
      let isOver = false;
      await quick(db);
      const failed = expect(slow(db, 3_000_000)).rejects.toThrow("closed");
      // A reader of its own answers while the other one's thread is in its step.
      const other = new Kysely<Tables>({ dialect: new SqliteReader(path) });
      const rest = slow(other, 3_000_000).finally(() => {
        isOver = true;
      });
      await setImmediate();
      const closing = db.destroy();
      await setImmediate();
      vi.advanceTimersByTime(3_000);
      await Promise.all([closing, failed]);
      expect(isOver).toBe(false);
      await rest;
      await other.destroy();
      db = new Kysely<Tables>({ dialect: new SqliteReader(path) });
    });
  });
});
