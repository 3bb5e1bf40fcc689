import { sql } from "kysely";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { databaseNowMs } from "../../../src/adapters/store/database-clock.js";
import { FixedSql } from "../../../src/adapters/store/fixed-sql.js";
import { type OpenTables, openTables } from "../../fakes/open-tables.js";
import { storeKinds } from "../../fakes/stores.js";

describe.each(storeKinds())("on $name", (kind) => {
  let tables: OpenTables;
  let fixed: FixedSql;

  if (kind.skipped !== null) {
    it.skip(`is not tested: ${kind.skipped}`, () => {});
    return;
  }

  beforeAll(async () => {
    tables = await openTables(await kind.newDatabase());
    fixed = new FixedSql(tables.kind);
    await sql`create table marked (key text primary key)`.execute(tables.db);
  });
  afterEach(async () => {
    await sql`delete from marked`.execute(tables.db);
    await sql`delete from call_state`.execute(tables.db);
  });
  afterAll(async () => {
    await tables.close();
    await kind.dispose();
  });

  const insert = async (keys: readonly string[]) =>
    await fixed.insertNew(tables.db, {
      table: "call_state",
      columns: ["key", "value", "version", "expires_ms"],
      rows: keys.map((key) => [key, `value of ${key}`, 1, 0]),
      tombstones: "marked",
    });
  const mark = async (key: string) =>
    await sql`insert into marked values (${key})`.execute(tables.db);
  const keys = (count: number) => Array.from({ length: count }, (_, i) => `k${i}`);

  it("inserts rows that neither exist nor are marked as deleted", async () => {
    await mark("k3");
    expect(await insert(["k1"])).toEqual(new Set(["k1"]));
    expect(await insert(["k1", "k2", "k3"])).toEqual(new Set(["k2"]));
    const rows = await tables.db.selectFrom("call_state").select(["key", "value"]).execute();
    expect(rows.sort((a, b) => (a.key < b.key ? -1 : 1))).toEqual([
      { key: "k1", value: "value of k1" },
      { key: "k2", value: "value of k2" },
    ]);
  });

  it.each([0, 1, 7, 8, 33, 41])("inserts %i rows at once", async (count) => {
    expect(await insert(keys(count))).toEqual(new Set(keys(count)));
    const rows = await tables.db.selectFrom("call_state").selectAll().execute();
    expect(rows.map(({ key }) => key).sort()).toEqual(keys(count).sort());
  });

  it("finds which keys of a list exist, of any length", async () => {
    await mark(`it's "k1"`);
    const found = (...wanted: string[]) => fixed.keysIn(tables.db, "marked", "key", wanted);
    expect(await found(`it's "k1"`, "k2")).toEqual(new Set([`it's "k1"`]));
    expect(await found(...keys(3_000))).toEqual(new Set());
    expect(await found()).toEqual(new Set());
  });

  it("has a clock that counts ms since the epoch", async () => {
    const before = Date.now();
    const query = sql<{ now: number }>`select ${databaseNowMs(tables.kind)} as now`;
    const now = (await query.execute(tables.db)).rows[0]?.now ?? 0;
    expect(Number.isInteger(now)).toBe(true);
    // The servers of the tests are on this machine.
    expect(now).toBeGreaterThanOrEqual(before - 1);
    expect(now).toBeLessThanOrEqual(Date.now() + 1);
  });
});
