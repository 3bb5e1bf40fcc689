import { mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { type Dialect, Kysely, PostgresDialect, sql } from "kysely";
import { RelayError } from "../../domain/errors.js";
import type { Store } from "../../ports/store.js";
import type { OrderBook } from "../../tools/sample-tools.js";
import { AuditTableLog } from "./audit-table.js";
import { CallCounter } from "./call-counts.js";
import { CallReads } from "./call-reads.js";
import { CallRemoval } from "./call-removal.js";
import { CallSearch } from "./call-search.js";
import { CallWrites } from "./call-writes.js";
import type { DatabaseKind } from "./fixed-sql.js";
import { type Guard, withRelayErrors } from "./guard.js";
import { JobsTableQueue } from "./jobs-table.js";
import { migrate } from "./migrations.js";
import { OrdersTables } from "./orders-tables.js";
import { PostgresMigration } from "./postgres-migration.js";
import { postgresPool, SEARCH_SETTINGS } from "./postgres-pool.js";
import { type RecordSource, RecordWriter } from "./record-writer.js";
import { ReviewTables } from "./review-tables.js";
import { SearchIndex } from "./search-index.js";
import { SqliteDialect } from "./sqlite-dialect.js";
import { SqliteReader } from "./sqlite-reader.js";
import { StateTable } from "./state-table.js";
import type { Tables } from "./tables.js";
import { WritersTable } from "./writers-table.js";

const POSTGRES_CONNECTIONS = 4;
/**
 * Searches have a connection of their own, and so have counts, which look at many calls: saving a
 * call waits for neither, and at most one of each is going on.
 */
const POSTGRES_SEARCH_CONNECTIONS = 1;

/** The records' store, and the data of the sample tools in the same database. */
export interface OpenStore extends Store {
  readonly orders: OrderBook;
}

/** Measures the operations of a store. */
export interface StoreTiming {
  readonly nowMs: () => number;
  readonly observe: (seconds: number, operation: string) => void;
}

/**
 * Opens the database and applies missing migrations. A relay also starts while PostgreSQL is away:
 * every method of the store then rejects with `store_unavailable`, and the first one that finds the
 * server migrates.
 *
 * @param databaseUrl       `sqlite:path/to/file.db` (or a plain path, or `sqlite::memory:`), or
 * `postgres://…`.
 * @param onLostConnection  called when a connection to PostgreSQL breaks, or when the SQLite file
 *                          was
 * deleted or replaced. The store connects again by itself.
 * @throws RelayError       `config_invalid` for another kind of URL, `store_unavailable` when an
 * SQLite file cannot be opened.
 */
export async function openStore(
  databaseUrl: string,
  onLostConnection: (error: Error) => void,
  timing?: StoreTiming,
): Promise<OpenStore> {
  let closing = false;
  const reportLost = (error: Error): void => {
    // A server that stops while this process says goodbye reports an error. It does not matter.
    if (!closing) onLostConnection(error);
  };
  const dialect = dialectOf(databaseUrl, reportLost);
  const kind = kindOf(dialect);
  const db = new Kysely<Tables>({ dialect });
  const searched = searchedDatabase(databaseUrl, db, reportLost);
  const counted = isPostgres(databaseUrl)
    ? searchedDatabase(databaseUrl, db, reportLost)
    : searched;
  const postgres = isPostgres(databaseUrl) ? new PostgresMigration(databaseUrl, reportLost) : null;
  const migration = new Migration(db, dialect, postgres);
  try {
    await withRelayErrors(() => migration.ready());
  } catch (error) {
    const isAway = error instanceof RelayError && error.retryable && kind === "postgres";
    if (!isAway) {
      await Promise.all([db, searched, counted].map((one) => one.destroy()));
      throw error;
    }
  }
  const guard: Guard = async (operation, work) => {
    const startMs = timing?.nowMs() ?? 0;
    try {
      return await withRelayErrors(async () => {
        await migration.ready();
        return await migration.guard(work);
      });
    } finally {
      timing?.observe((timing.nowMs() - startMs) / 1000, operation);
    }
  };
  const source = recordSource(databaseUrl);
  const writer = source === null ? null : new RecordWriter(source, guard);
  const reads = new CallReads(db, guard);
  let closed: Promise<void> | null = null;
  return {
    ...storeOver({ db, searched, counted }, kind, guard),
    // A database in memory is for tests.
    writeRecords: (wanted) => (writer ?? reads).writeRecords(wanted),
    close: () => {
      closing = true;
      closed ??= Promise.all([
        ...[postgres?.stop(), writer?.close()],
        ...[db, searched, counted].map((one) => one.destroy()),
      ]).then(() => undefined);
      return closed;
    },
  };
}

/**
 * Where searches run: for SQLite beside the event loop, which carries the calls' audio; for
 * PostgreSQL on few connections. Who waits too long for one of these is refused.
 */
function searchedDatabase(
  url: string,
  db: Kysely<Tables>,
  onLostConnection: (error: Error) => void,
): Kysely<Tables> {
  if (isPostgres(url)) {
    const count = POSTGRES_SEARCH_CONNECTIONS;
    const pool = postgresPool(url, count, onLostConnection, SEARCH_SETTINGS);
    return new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  }
  const file = sqliteFile(url);
  return file === null ? db : new Kysely<Tables>({ dialect: new SqliteReader(file) });
}

/** Null: a database in memory has one connection. */
function recordSource(url: string): RecordSource | null {
  if (isPostgres(url)) return { url };
  const path = sqliteFile(url);
  return path === null ? null : { path };
}

/** Migrates once, and again when another SQLite file has taken the place of the first one. */
class Migration {
  readonly #db: Kysely<Tables>;
  readonly #dialect: Dialect;
  readonly #postgres: PostgresMigration | null;
  #done: Promise<unknown> | null = null;
  /** `SqliteDialect.openings` at the last migration. */
  #openings = 0;

  constructor(db: Kysely<Tables>, dialect: Dialect, postgres: PostgresMigration | null) {
    this.#db = db;
    this.#dialect = dialect;
    this.#postgres = postgres;
  }

  async ready(): Promise<void> {
    if (this.#isOutdated()) this.#done = null;
    this.#done ??= this.#migrate();
    const attempt = this.#done;
    try {
      await attempt;
    } catch (error) {
      // The next operation tries again.
      if (this.#done === attempt) this.#done = null;
      throw error;
    }
  }

  async #migrate(): Promise<void> {
    if (this.#postgres !== null) return await this.#postgres.ready();
    await migrate(this.#db, "sqlite");
    if (this.#dialect instanceof SqliteDialect) this.#openings = this.#dialect.openings;
  }

  /** The reading thread may have met another file first: the writers' connection looks, too. */
  async #look(): Promise<void> {
    if (!(this.#dialect instanceof SqliteDialect)) return;
    // Whether this fails does not matter: the first error is told.
    await sql`select 1`.execute(this.#db).catch(() => undefined);
  }

  #isOutdated(): boolean {
    return this.#dialect instanceof SqliteDialect && this.#dialect.openings !== this.#openings;
  }

  /** Runs work. When its tables are missing because the file is new, the work is worth a retry. */
  async guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      await this.#look();
      if (!this.#isOutdated()) throw error;
      throw new RelayError("store_unavailable", "the database file was deleted or replaced", {
        retryable: true,
        cause: error,
      });
    }
  }
}

function kindOf(dialect: Dialect): DatabaseKind {
  return dialect instanceof SqliteDialect ? "sqlite" : "postgres";
}

function isPostgres(url: string): boolean {
  return /^postgres(ql)?:\/\//.test(url);
}

function dialectOf(url: string, onLostConnection: (error: Error) => void): Dialect {
  if (isPostgres(url)) {
    const pool = postgresPool(url, POSTGRES_CONNECTIONS, onLostConnection);
    return new PostgresDialect({ pool });
  }
  const file = sqliteFile(url);
  if (file === null) return new SqliteDialect(":memory:", onLostConnection);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  return new SqliteDialect(file, onLostConnection);
}

/**
 * The absolute path of the file of an SQLite URL; null: a database in memory.
 *
 * @throws RelayError `config_invalid` for another kind of URL.
 */
export function sqliteFile(url: string): string | null {
  const scheme = /^([a-z][a-z0-9+]*):/.exec(url)?.[1];
  if (scheme !== undefined && scheme !== "sqlite" && scheme !== "file") {
    throw new RelayError(
      "config_invalid",
      `DATABASE_URL has the scheme ${scheme}:, not sqlite: or postgres:`,
    );
  }
  const path = url.replace(/^(sqlite|file):(\/\/(?=\/))?/, "");
  return path === ":memory:" ? null : resolve(path);
}

/** The same database: for single calls, for what may look through many rows, and for counts. */
interface Connections {
  readonly db: Kysely<Tables>;
  readonly searched: Kysely<Tables>;
  readonly counted: Kysely<Tables>;
}

function storeOver(
  { db, searched, counted }: Connections,
  kind: DatabaseKind,
  guard: Guard,
): Omit<OpenStore, "close" | "writeRecords"> {
  const writes = new CallWrites(db, kind, guard);
  const reads = new CallReads(db, guard);
  const search = new CallSearch(searched, kind, guard);
  const counter = new CallCounter(counted, kind, guard);
  const reviews = new ReviewTables(db, kind, guard);
  const index = new SearchIndex(db, kind, guard);
  const removal = new CallRemoval(db, kind, guard);
  const writers = new WritersTable(db, kind, guard);
  const state = new StateTable(db, kind, guard);
  const jobs = new JobsTableQueue(db, kind, guard);
  const audit = new AuditTableLog(db, searched, guard);
  return {
    kind,
    save: (saves) => writes.save(saves),
    load: (callSid) => reads.load(callSid),
    loadMany: (callSids) => reads.loadMany(callSids),
    addAudit: (entries) => audit.addAudit(entries),
    findAudit: (query, after, limit) => audit.findAudit(query, after, limit),
    removeAudit: (beforeMs, limit) => audit.removeAudit(beforeMs, limit),
    count: (query) => counter.count(query),
    sumByNode: (sinceMs) => counter.sumByNode(sinceMs),
    changeReview: (callSid, change) => reviews.changeReview(callSid, change),
    reviewsOf: (callSids) => reviews.reviewsOf(callSids),
    find: (query, after, limit) => search.find(query, after, limit),
    loadJson: (callSids) => reads.loadJson(callSids),
    indexCalls: (limit) => index.indexCalls(limit),
    remove: (callSid) => removal.remove(callSid),
    heartbeat: (writer, node) => writers.heartbeat(writer, node),
    forgetWriter: (writer) => writers.forgetWriter(writer),
    liveCallsOf: (writer) => writers.liveCallsOf(writer),
    abandonedCalls: (silentMs, limit) => writers.abandonedCalls(silentMs, limit),
    expiredCalls: (untilMs, limit) => removal.expiredCalls(untilMs, limit),
    expiredRecordings: (untilMs, limit) => removal.expiredRecordings(untilMs, limit),
    unfetchedRecordings: (limit) => jobs.unfetchedRecordings(limit),
    sweep: () => removal.sweep(),
    claimOnce: (key, ttlMs) => state.claimOnce(key, ttlMs),
    getState: (key) => state.getState(key),
    putState: (key, value, ttlMs, ifVersion) => state.putState(key, value, ttlMs, ifVersion),
    removeState: (key) => state.removeState(key),
    addJob: (job) => jobs.addJob(job),
    takeJob: (writer, leaseMs, silentMs) => jobs.takeJob(writer, leaseMs, silentMs),
    finishJob: (id) => jobs.finishJob(id),
    failJob: (id, error, afterMs) => jobs.failJob(id, error, afterMs),
    deadJobs: (limit) => jobs.deadJobs(limit),
    orders: new OrdersTables(db, guard),
    ping: async () => {
      await guard("ping", async () => await sql`select 1`.execute(db));
    },
  };
}
