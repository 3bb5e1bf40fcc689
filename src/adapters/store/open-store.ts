import { mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { type Dialect, Kysely, PostgresDialect, sql } from "kysely";
import { RelayError } from "../../domain/errors.js";
import type { Store } from "../../ports/store.js";
import type { OrderBook } from "../../tools/sample-tools.js";
import { CallTables } from "./call-tables.js";
import { type Guard, guard } from "./guard.js";
import { JobsTableQueue } from "./jobs-table.js";
import { migrate } from "./migrations.js";
import { OrdersTables } from "./orders-tables.js";
import { postgresPool } from "./postgres-pool.js";
import { SqliteDialect } from "./sqlite-dialect.js";
import { StateTable } from "./state-table.js";
import type { Tables } from "./tables.js";

const POSTGRES_CONNECTIONS = 4;

/** The records' store, and the shop of the sample tools in the same database. */
export interface OpenStore extends Store {
  readonly orders: OrderBook;
}

/**
 * Opens the database and brings its tables up to date. A PostgreSQL that is away does not keep a relay from starting: every method
 * of the store rejects with `store_unavailable` until it is there, and the first that finds it makes the tables.
 *
 * @param databaseUrl  `sqlite:path/to/file.db` (or a bare path, or `sqlite::memory:`), or `postgres://…`.
 * @param onLostConnection  a connection to PostgreSQL broke, in use or not; the pool makes a new one by itself.
 * @throws RelayError  `config_invalid` for a URL of another kind, `store_unavailable` when an SQLite file cannot be opened.
 */
export async function openStore(
  databaseUrl: string,
  onLostConnection: (error: Error) => void,
): Promise<OpenStore> {
  let closing = false;
  const { kind, dialect } = dialectOf(databaseUrl, (error) => {
    // A server that stops while our goodbye is on its way says so; nobody misses that connection.
    if (!closing) onLostConnection(error);
  });
  const db = new Kysely<Tables>({ dialect });
  let migrated: Promise<unknown> | null = null;
  const ready = async () => {
    migrated ??= migrate(db, kind);
    const attempt = migrated;
    try {
      await attempt;
    } catch (error) {
      // The next one tries again.
      if (migrated === attempt) migrated = null;
      throw error;
    }
  };
  try {
    await guard(ready);
  } catch (error) {
    const away = error instanceof RelayError && error.retryable && kind === "postgres";
    if (!away) {
      await db.destroy();
      throw error;
    }
  }
  const store = compose(db, kind, async (work) => {
    await guard(ready);
    return await guard(work);
  });
  let closed: Promise<void> | null = null;
  return {
    ...store,
    close: () => {
      closing = true;
      closed ??= db.destroy();
      return closed;
    },
  };
}

function dialectOf(
  url: string,
  onLostConnection: (error: Error) => void,
): { readonly kind: "sqlite" | "postgres"; readonly dialect: Dialect } {
  if (/^postgres(ql)?:\/\//.test(url)) {
    const pool = postgresPool(url, POSTGRES_CONNECTIONS, onLostConnection);
    return { kind: "postgres", dialect: new PostgresDialect({ pool }) };
  }
  const scheme = /^([a-z][a-z0-9+]*):/.exec(url)?.[1];
  if (scheme !== undefined && scheme !== "sqlite" && scheme !== "file") {
    throw new RelayError(
      "config_invalid",
      `DATABASE_URL has the scheme ${scheme}:, not sqlite: or postgres:`,
    );
  }
  const path = url.replace(/^(sqlite|file):(\/\/(?=\/))?/, "");
  if (path === ":memory:") return { kind: "sqlite", dialect: new SqliteDialect(path) };
  const file = resolve(path);
  mkdirSync(dirname(file), { recursive: true });
  return { kind: "sqlite", dialect: new SqliteDialect(file) };
}

function compose(
  db: Kysely<Tables>,
  kind: "sqlite" | "postgres",
  guard: Guard,
): Omit<OpenStore, "close"> {
  const calls = new CallTables(db, kind, guard);
  const state = new StateTable(db, kind, guard);
  const jobs = new JobsTableQueue(db, kind, guard);
  return {
    kind,
    save: (saves) => calls.save(saves),
    load: (callSid) => calls.load(callSid),
    loadMany: (callSids) => calls.loadMany(callSids),
    list: (filter, after, limit) => calls.list(filter, after, limit),
    remove: (callSid) => calls.remove(callSid),
    heartbeat: (writer, node) => calls.heartbeat(writer, node),
    forgetWriter: (writer) => calls.forgetWriter(writer),
    liveCallsOf: (writer) => calls.liveCallsOf(writer),
    abandonedCalls: (silentMs, limit) => calls.abandonedCalls(silentMs, limit),
    expiredCalls: (untilMs, limit) => calls.expiredCalls(untilMs, limit),
    expiredRecordings: (untilMs, limit) => calls.expiredRecordings(untilMs, limit),
    unfetchedRecordings: (limit) => calls.unfetchedRecordings(limit),
    sweep: () => calls.sweep(),
    claimOnce: (key, ttlMs) => state.claimOnce(key, ttlMs),
    getState: (key) => state.getState(key),
    putState: (key, value, ttlMs, ifVersion) => state.putState(key, value, ttlMs, ifVersion),
    removeState: (key) => state.removeState(key),
    addJob: (job) => jobs.addJob(job),
    takeJob: (writer, leaseMs) => jobs.takeJob(writer, leaseMs),
    finishJob: (id) => jobs.finishJob(id),
    failJob: (id, error, afterMs) => jobs.failJob(id, error, afterMs),
    deadJobs: (limit) => jobs.deadJobs(limit),
    orders: new OrdersTables(db, guard),
    ping: async () => {
      await guard(async () => await sql`select 1`.execute(db));
    },
  };
}
