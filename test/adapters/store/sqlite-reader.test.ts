import { mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { Kysely, sql } from "kysely";
import Database from "libsql";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
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
});
