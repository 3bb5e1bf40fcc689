import { mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { type Dialect, Kysely, PostgresDialect, sql } from "kysely";
import pg from "pg";
import { RelayError } from "../../errors.js";
import type { Store } from "../../records/store-port.js";
import { CallTables } from "./call-tables.js";
import { guard } from "./guard.js";
import { JobsTableQueue } from "./jobs-table.js";
import { migrate } from "./migrations.js";
import { OrdersTables } from "./orders-tables.js";
import { SqliteDialect } from "./sqlite-dialect.js";
import { StateTable } from "./state-table.js";
import type { Tables } from "./tables.js";

const POSTGRES_CONNECTIONS = 4;
/** A database that takes longer is as good as away: the journal on disk holds what waits. */
const POSTGRES_TIMEOUT_MS = 10_000;
const POSTGRES_CONNECT_TIMEOUT_MS = 3_000;
/** OID of bigint; all of ours are counts and ms, far below 2^53. */
const BIGINT_OID = 20;

/**
 * Opens the database and brings its tables up to date.
 *
 * @param databaseUrl  `sqlite:path/to/file.db` (or a bare path, or `sqlite::memory:`), or `postgres://…`.
 * @param onLostConnection  an idle connection to PostgreSQL broke; the pool makes a new one by itself.
 * @throws RelayError  `config_invalid` for a URL of another kind, `store_unavailable` when the database does not answer.
 */
export async function openStore(
  databaseUrl: string,
  onLostConnection: (error: Error) => void,
): Promise<Store> {
  const { kind, dialect } = dialectOf(databaseUrl, onLostConnection);
  const db = new Kysely<Tables>({ dialect });
  try {
    await guard(async () => await migrate(db, kind));
  } catch (error) {
    await db.destroy();
    throw error;
  }
  return compose(db, kind);
}

function dialectOf(
  url: string,
  onLostConnection: (error: Error) => void,
): { readonly kind: "sqlite" | "postgres"; readonly dialect: Dialect } {
  if (/^postgres(ql)?:\/\//.test(url)) {
    const pool = new pg.Pool({
      connectionString: url,
      max: POSTGRES_CONNECTIONS,
      connectionTimeoutMillis: POSTGRES_CONNECT_TIMEOUT_MS,
      query_timeout: POSTGRES_TIMEOUT_MS,
      statement_timeout: POSTGRES_TIMEOUT_MS,
      idle_in_transaction_session_timeout: POSTGRES_TIMEOUT_MS,
      application_name: "murelay",
      types: {
        getTypeParser: (oid: number, format?: "text" | "binary") =>
          oid === BIGINT_OID ? Number : pg.types.getTypeParser(oid, format === "binary" ? "text" : "text"),
      },
    });
    // Without a listener, a server that restarts would end this process.
    pool.on("error", onLostConnection);
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

function compose(db: Kysely<Tables>, kind: "sqlite" | "postgres"): Store {
  const calls = new CallTables(db, kind, guard);
  const state = new StateTable(db, kind, guard);
  const jobs = new JobsTableQueue(db, kind, guard);
  const orders = new OrdersTables(db, guard);
  let closed: Promise<void> | null = null;
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
    findOrders: (query) => orders.findOrders(query),
    book: (appointment, key) => orders.book(appointment, key),
    taken: (fromIso, toIso) => orders.taken(fromIso, toIso),
    ping: async () => {
      await guard(async () => await sql`select 1`.execute(db));
    },
    close: () => {
      closed ??= db.destroy();
      return closed;
    },
  };
}
