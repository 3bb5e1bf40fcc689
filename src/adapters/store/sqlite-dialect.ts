import { setTimeout } from "node:timers/promises";
import {
  type CompiledQuery,
  type DatabaseConnection,
  type DatabaseIntrospector,
  type Dialect,
  type DialectAdapter,
  type Driver,
  type Kysely,
  type QueryCompiler,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import Database from "libsql/promise";

/** What is used of libsql; its own types call all of it `any`. */
interface LibsqlDatabase {
  exec(sql: string): Promise<void>;
  prepare(sql: string): Promise<LibsqlStatement>;
  close(): void;
  readonly inTransaction: boolean;
}

interface LibsqlStatement {
  readonly reader: boolean;
  all(parameters: readonly unknown[]): Promise<unknown[]>;
  /** Synchronous, also in the promise API. */
  run(parameters: readonly unknown[]): {
    readonly changes: number;
    readonly lastInsertRowid: number | bigint;
  };
}

/** How long a writer waits for another process that is writing to the same file, and how often it looks. */
const BUSY_TIMEOUT_MS = 5_000;
const BUSY_RETRY_MS = 10;
/** Preparing takes as long as inserting some rows. Lists of values make many texts, so there is an end to it. */
const MAX_STATEMENTS = 200;

/**
 * SQLite for kysely, over the promise API of libsql: `exec` and `all` run on a thread of libsql's own, so what can take long
 * (COMMIT, the checkpoint behind it, reading) never holds the event loop. BEGIN and inserting a row do, for some 10 µs each: that is
 * less than waking a thread takes.
 *
 * There is one connection and one user of it at a time. A write outside a transaction gets one of its own, so a lock is met at
 * BEGIN only. It is waited for here, not in SQLite: that would hold libsql's few threads, and with them the COMMIT of
 * another connection of this process that is waited for.
 */
export class SqliteDialect implements Dialect {
  readonly #path: string;

  /** @param path  of the database file, or ":memory:". */
  constructor(path: string) {
    this.#path = path;
  }

  createDriver(): Driver {
    return new SqliteDriver(this.#path);
  }

  createQueryCompiler(): QueryCompiler {
    return new SqliteQueryCompiler();
  }

  createAdapter(): DialectAdapter {
    return new SqliteAdapter();
  }

  // biome-ignore lint/suspicious/noExplicitAny: kysely's own signature.
  createIntrospector(db: Kysely<any>): DatabaseIntrospector {
    return new SqliteIntrospector(db);
  }
}

class SqliteDriver implements Driver {
  readonly #path: string;
  readonly #turns = new Turnstile();
  #connection: SqliteConnection | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  async init(): Promise<void> {
    const db = new Database(this.#path, { timeout: 0 }) as unknown as LibsqlDatabase;
    // WAL: readers and one writer do not wait for each other. NORMAL: a commit survives the process without an fsync each;
    // a power cut may lose the newest commits, never older data.
    for (const pragma of ["journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"]) {
      await patiently(async () => await (await db.prepare(`PRAGMA ${pragma}`)).all([]));
    }
    this.#connection = new SqliteConnection(db);
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    await this.#turns.enter();
    if (this.#connection === null) {
      this.#turns.leave();
      throw new Error("the database is closed");
    }
    return this.#connection;
  }

  async beginTransaction(): Promise<void> {
    await this.#connection?.begin();
  }

  async commitTransaction(): Promise<void> {
    await this.#connection?.commit();
  }

  async rollbackTransaction(): Promise<void> {
    await this.#connection?.rollback();
  }

  async releaseConnection(): Promise<void> {
    this.#turns.leave();
  }

  async destroy(): Promise<void> {
    await this.#turns.enter();
    this.#connection?.close();
    this.#connection = null;
    this.#turns.leave();
  }
}

class SqliteConnection implements DatabaseConnection {
  readonly #db: LibsqlDatabase;
  readonly #statements = new Map<string, LibsqlStatement>();
  #inTransaction = false;

  constructor(db: LibsqlDatabase) {
    this.#db = db;
  }

  async begin(): Promise<void> {
    const statement = await this.#prepared("BEGIN IMMEDIATE");
    await patiently(async () => void statement.run([]));
    this.#inTransaction = true;
  }

  async commit(): Promise<void> {
    await this.#db.exec("COMMIT");
    this.#inTransaction = false;
  }

  async rollback(): Promise<void> {
    this.#inTransaction = false;
    // A full disk rolls back by itself; a second ROLLBACK would hide that error behind its own.
    if (this.#db.inTransaction) await this.#db.exec("ROLLBACK");
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    if (this.#inTransaction) return await this.#execute<R>(query);
    if (query.query.kind === "SelectQueryNode")
      return await patiently(async () => await this.#execute<R>(query));
    await this.begin();
    try {
      const result = await this.#execute<R>(query);
      await this.commit();
      return result;
    } catch (error) {
      await this.rollback();
      throw error;
    }
  }

  async #execute<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const statement = await this.#prepared(query.sql);
    if (statement.reader) {
      const rows = await statement.all(query.parameters);
      return { rows: rows as R[], numAffectedRows: BigInt(rows.length) };
    }
    const done = statement.run(query.parameters);
    return {
      rows: [],
      numAffectedRows: BigInt(done.changes),
      insertId: BigInt(done.lastInsertRowid),
    };
  }

  async #prepared(sql: string): Promise<LibsqlStatement> {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = await this.#db.prepare(sql);
    if (this.#statements.size >= MAX_STATEMENTS) this.#statements.clear();
    this.#statements.set(sql, statement);
    return statement;
  }

  // biome-ignore lint/correctness/useYield: nothing of ours streams; kysely wants the method.
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error("streaming is not supported on SQLite");
  }

  close(): void {
    this.#statements.clear();
    this.#db.close();
  }
}

/** Tries again while another process has the file. */
async function patiently<T>(attempt: () => Promise<T>): Promise<T> {
  for (let waitedMs = 0; ; waitedMs += BUSY_RETRY_MS) {
    try {
      return await attempt();
    } catch (error) {
      if (!isBusy(error) || waitedMs >= BUSY_TIMEOUT_MS) throw error;
    }
    await setTimeout(BUSY_RETRY_MS);
  }
}

function isBusy(error: unknown): boolean {
  if (!(error instanceof Error) || !("code" in error)) return false;
  return typeof error.code === "string" && error.code.startsWith("SQLITE_BUSY");
}

/** Lets one in at a time, in the order in which they came. */
class Turnstile {
  readonly #waiting: (() => void)[] = [];
  #taken = false;

  async enter(): Promise<void> {
    if (!this.#taken) {
      this.#taken = true;
      return;
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#taken = false;
    else next();
  }
}
