import { setImmediate } from "node:timers/promises";
import pg from "pg";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Migration } from "../../../src/adapters/store/migration.js";
import { MIGRATIONS } from "../../../src/adapters/store/migrations.js";
import { openStore } from "../../../src/adapters/store/open-store.js";
import { PostgresMigration } from "../../../src/adapters/store/postgres-migration.js";
import { storeKinds } from "../../fakes/stores.js";

const ignore = () => {};
/** Longer than a migration lasts that an operation waits for. */
const LONG_MS = 11_000;

/** Notes its attempts, which survive a failure, and waits for the table `gate`. */
const GATED: readonly Migration[] = [
  {
    name: "0001-gated",
    statements: [
      "select nextval('attempts')",
      `create table limits as select current_setting('statement_timeout') as statement,
        current_setting('lock_timeout') as lock`,
      "lock table gate in access share mode",
    ],
  },
];

const kinds = storeKinds().filter(({ name }) => name === "postgres");

describe.each(kinds)("a migration on $name", (kind) => {
  let url: string;
  let other: pg.Client;
  let gatekeeper: pg.Client;
  const query = async (text: string) => (await other.query(text)).rows as readonly unknown[];
  const isWaiting = async () =>
    (
      await query(`select pid from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`)
    ).length > 0;
  const attempts = async () =>
    (await query("select last_value::int as last, is_called as any from attempts"))[0];
  const shut = async () => {
    await gatekeeper.query("begin; lock table gate in access exclusive mode");
  };

  if (kind.skipped !== null) {
    it.skip(`is not tested: ${kind.skipped}`, () => {});
    return;
  }

  beforeEach(async () => {
    url = await kind.newDatabase();
    other = new pg.Client(url);
    gatekeeper = new pg.Client(url);
    await Promise.all([other.connect(), gatekeeper.connect()]);
    await query("create table gate (n integer)");
    await query("create sequence attempts");
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  });
  afterEach(async () => {
    vi.useRealTimers();
    await Promise.all([other.end(), gatekeeper.end()]);
  });
  afterAll(async () => await kind.dispose());

  it("lasts as long as it needs, while operations are refused for now", async () => {
    const migration = new PostgresMigration(url, ignore, GATED);
    await shut();
    const first = expect(migration.ready()).rejects.toMatchObject({
      code: "store_unavailable",
      retryable: true,
      message: expect.stringContaining("still being changed"),
    });
    while (!(await isWaiting())) await setImmediate();
    vi.advanceTimersByTime(LONG_MS);
    await first;
    const second = migration.ready();
    await gatekeeper.query("rollback");
    await second;
    expect(await query("select * from limits")).toEqual([{ statement: "0", lock: "10s" }]);
    expect(await attempts()).toEqual({ last: 1, any: true });
  });

  it("is not tried again at once after it failed", async () => {
    const statements = ["select nextval('attempts')", "select 1 / 0"];
    const failing = [{ name: "0001-failing", statements }];
    const migration = new PostgresMigration(url, ignore, failing);
    const failed = { code: "22012" };
    await expect(migration.ready()).rejects.toMatchObject(failed);
    await expect(migration.ready()).rejects.toMatchObject(failed);
    expect(await attempts()).toEqual({ last: 1, any: true });
    vi.advanceTimersByTime(LONG_MS);
    await expect(migration.ready()).rejects.toMatchObject(failed);
    expect(await attempts()).toEqual({ last: 2, any: true });
    await migration.stop();
  });

  it("is given up when the store is closed", async () => {
    const migration = new PostgresMigration(url, ignore, GATED);
    await shut();
    const answer = expect(migration.ready()).rejects.toThrow("closed");
    while (!(await isWaiting())) await setImmediate();
    await migration.stop();
    await answer;
    await gatekeeper.query("rollback");
    await migration.stop();
    expect(await query("select to_regclass('limits') as found")).toEqual([{ found: null }]);
  });

  it("does not keep a store from being opened, which works once it is over", async () => {
    await gatekeeper.query("select pg_advisory_lock(7283640115)");
    const opening = openStore(url, ignore);
    while (!(await isWaiting())) await setImmediate();
    vi.advanceTimersByTime(LONG_MS);
    const store = await opening;
    const early = expect(store.ping()).rejects.toMatchObject({
      code: "store_unavailable",
      message: expect.stringContaining("still being changed"),
    });
    await setImmediate();
    vi.advanceTimersByTime(LONG_MS);
    await early;
    const ping = store.ping();
    await gatekeeper.query("select pg_advisory_unlock_all()");
    await ping;
    const names = await query("select name from murelay_migrations order by name");
    expect(names).toEqual(MIGRATIONS.map(({ name }) => ({ name })));
    await store.close();
  });
});
