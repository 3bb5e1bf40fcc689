/** A database that does not answer, or ends connections, while calls run. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import Database from "libsql";
import pg from "pg";
import { storeKinds } from "../../fakes/stores.js";
import type { FaultCase, OwnRelay } from "../fault-case.js";
import type { World } from "../world.js";

const CALLS = 4;
const LOCKED_MS = 3_000;

/** A relay on a new database of this kind. */
function onDatabase(name: "sqlite" | "postgres"): { readonly own: OwnRelay; url(): string } {
  let url = "";
  const prepare: OwnRelay["prepare"] = async () => {
    const kinds = storeKinds();
    const remove = async (): Promise<void> => {
      await Promise.all(kinds.map((one) => one.dispose()));
    };
    const kind = kinds.find((one) => one.name === name);
    assert(kind !== undefined);
    if (kind.skipped !== null) {
      await remove();
      return { missing: kind.skipped };
    }
    url = await kind.newDatabase();
    return { env: { DATABASE_URL: url }, remove };
  };
  return { own: { calls: CALLS, prepare }, url: () => url };
}

/**
 * Holds every lock that a writer could want, on PostgreSQL every one that a reader could want, too: with
 * its WAL, SQLite lets readers read. @returns what lets go of them.
 */
async function lockAll(url: string): Promise<() => Promise<void>> {
  if (url.startsWith("sqlite:")) {
    const client = new Database(url.replace("sqlite:", ""));
    client.exec("pragma busy_timeout = 5000; begin exclusive");
    return async () => {
      client.exec("rollback");
      client.close();
    };
  }
  const client = new pg.Client(url);
  await client.connect();
  const found = "select quote_ident(tablename) as name from pg_tables where schemaname = 'public'";
  const tables = (await client.query(found)).rows.map(({ name }) => String(name));
  await client.query("begin");
  await client.query(`lock table ${tables.join(", ")} in access exclusive mode`);
  return async () => {
    await client.query("rollback");
    await client.end();
  };
}

/** A call from its beginning to its end. @returns its SID. */
async function wholeCall(world: World): Promise<string> {
  const call = await world.talk();
  call.hangUp();
  await call.ended;
  return call.sid;
}

export const DATABASE_CASES: readonly FaultCase[] = [
  ...(["sqlite", "postgres"] as const).map((name): FaultCase => {
    const { own, url } = onDatabase(name);
    return {
      name: `database-locked-${name}`,
      group: "outside",
      what: `the database cannot be ${name === "sqlite" ? "written" : "read or written"} for 3 s (${name}): others hold its locks while callers come and go`,
      holds: "callers are answered meanwhile; their records are there afterwards",
      own,
      run: async (world) => {
        const unlock = await lockAll(url());
        const sids: string[] = [];
        try {
          const endMs = performance.now() + LOCKED_MS;
          while (performance.now() < endMs || sids.length === 0) sids.push(await wholeCall(world));
        } finally {
          await unlock();
        }
        for (const sid of sids) await world.record(sid);
      },
    };
  }),
  databaseConnectionsEnd(),
];

function databaseConnectionsEnd(): FaultCase {
  const { own, url } = onDatabase("postgres");
  return {
    name: "database-connections-end",
    group: "outside",
    what: "PostgreSQL ends every connection of the relay, ten times in 2 s",
    holds: "callers are answered; their records are there afterwards",
    own,
    run: async (world) => {
      const client = new pg.Client(url());
      await client.connect();
      const others =
        "select pg_terminate_backend(pid) from pg_stat_activity " +
        "where datname = current_database() and pid <> pg_backend_pid()";
      try {
        const sids: string[] = [];
        for (let i = 0; i < 10; i++) {
          await client.query(others);
          if (i % 3 === 0) sids.push(await wholeCall(world));
          await sleep(200);
        }
        for (const sid of sids) await world.record(sid);
      } finally {
        await client.end();
      }
    },
  };
}
