import { chmodSync, closeSync, openSync, statSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import type { CompiledQuery, DatabaseConnection, QueryResult } from "kysely";
import Database from "libsql/promise";

/** The part of libsql that is used; its own types are `any`. */
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

/** How long a writer waits for another process that writes to the file, and how often it looks. */
const BUSY_TIMEOUT_MS = 5_000;
const BUSY_RETRY_MS = 10;
/**
 * Preparing a statement takes as long as inserting some rows. Lists of values produce many texts,
 * so the cache has a limit.
 */
const MAX_STATEMENTS = 200;
/**
 * WAL: readers and one writer do not wait for each other. NORMAL: a commit survives the process
 * without an fsync each; a power cut may lose the newest commits, never older data.
 */
const PRAGMAS = ["journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"];

/** One connection to an SQLite file. */
export class SqliteConnection implements DatabaseConnection {
  readonly #db: LibsqlDatabase;
  readonly #file: DatabaseFile | null;
  readonly #statements = new Map<string, LibsqlStatement>();
  #inTransaction = false;

  private constructor(db: LibsqlDatabase, file: DatabaseFile | null) {
    this.#db = db;
    this.#file = file;
  }

  /** @param path  of the database file, or ":memory:". */
  static async open(path: string): Promise<SqliteConnection> {
    const file = path === ":memory:" ? null : DatabaseFile.prepare(path);
    const db = new Database(path, { timeout: 0 }) as unknown as LibsqlDatabase;
    for (const pragma of PRAGMAS)
      await retryWhileBusy(async () => await (await db.prepare(`PRAGMA ${pragma}`)).all([]));
    return new SqliteConnection(db, file);
  }

  /** False when the file was deleted or replaced. Costs some microseconds. */
  isOnDisk(): boolean {
    return this.#file === null || this.#file.exists();
  }

  async begin(): Promise<void> {
    const statement = await this.#prepared("BEGIN IMMEDIATE");
    await retryWhileBusy(async () => void statement.run([]));
    this.#inTransaction = true;
  }

  async commit(): Promise<void> {
    await this.#db.exec("COMMIT");
    this.#inTransaction = false;
  }

  async rollback(): Promise<void> {
    this.#inTransaction = false;
    // When the disk is full, SQLite rolls back by itself. A second ROLLBACK would hide that error
    // behind its own.
    if (this.#db.inTransaction) await this.#db.exec("ROLLBACK");
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    if (this.#inTransaction) return await this.#execute<R>(query);
    if (query.query.kind === "SelectQueryNode")
      return await retryWhileBusy(async () => await this.#execute<R>(query));
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
    const { changes, lastInsertRowid } = statement.run(query.parameters);
    return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
  }

  async #prepared(sql: string): Promise<LibsqlStatement> {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = await this.#db.prepare(sql);
    if (this.#statements.size >= MAX_STATEMENTS) this.#statements.clear();
    this.#statements.set(sql, statement);
    return statement;
  }

  // biome-ignore lint/correctness/useYield: kysely requires the method; no query streams.
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error("streaming is not supported on SQLite");
  }

  close(): void {
    this.#statements.clear();
    this.#db.close();
  }
}

/**
 * The database file that a connection has opened, told apart from a later file of the same name.
 */
class DatabaseFile {
  readonly #path: string;
  readonly #dev: number;
  readonly #ino: number;

  private constructor(path: string, dev: number, ino: number) {
    this.#path = path;
    this.#dev = dev;
    this.#ino = ino;
  }

  /**
   * Creates the file if it is missing and makes it readable by its owner only. SQLite gives the
   * files beside it (`-wal`, `-shm`) the same mode.
   */
  static prepare(path: string): DatabaseFile {
    closeSync(openSync(path, "a", 0o600));
    const { dev, ino, mode, uid } = statSync(path);
    if ((mode & 0o077) !== 0 && uid === process.getuid?.()) chmodSync(path, 0o600);
    return new DatabaseFile(path, dev, ino);
  }

  exists(): boolean {
    const found = statSync(this.#path, { throwIfNoEntry: false });
    return found !== undefined && found.ino === this.#ino && found.dev === this.#dev;
  }
}

/** Tries again while another process has locked the file. */
async function retryWhileBusy<T>(attempt: () => Promise<T>): Promise<T> {
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
