import {
  type DatabaseConnection,
  type DatabaseIntrospector,
  type Dialect,
  type DialectAdapter,
  type Driver,
  type Kysely,
  type QueryCompiler,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import { Mutex } from "./mutex.js";
import { SqliteConnection } from "./sqlite-connection.js";

/**
 * SQLite for kysely, over the promise API of libsql. `exec` and the first step of `all` run on a
 * thread of libsql, so COMMIT, the checkpoint after it and splitting words never block the event
 * loop. BEGIN, inserting a row and each further row of `all` do, for about 10 µs each: that is less
 * than waking a thread takes. Queries that look through many rows belong to `SqliteReader`.
 *
 * There is one connection, with one user at a time. A write outside a transaction gets its own, so
 * a lock is met at BEGIN only. The wait for the lock happens here and not in SQLite: there it would
 * occupy libsql's few threads, and with them the COMMIT of the connection that has the lock.
 */
export class SqliteDialect implements Dialect {
  readonly #driver: SqliteDriver;

  /**
   * @param path        of the database file, or ":memory:".
   * @param onFileLost  called when the file was deleted or replaced while it was open.
   */
  constructor(path: string, onFileLost: (error: Error) => void) {
    this.#driver = new SqliteDriver(path, onFileLost);
  }

  /** How often the file was opened: a change means that it is another file. */
  get openings(): number {
    return this.#driver.openings;
  }

  createDriver(): Driver {
    return this.#driver;
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
  readonly #onFileLost: (error: Error) => void;
  readonly #mutex = new Mutex();
  #connection: SqliteConnection | null = null;
  #openings = 0;
  #closed = false;

  constructor(path: string, onFileLost: (error: Error) => void) {
    this.#path = path;
    this.#onFileLost = onFileLost;
  }

  get openings(): number {
    return this.#openings;
  }

  async init(): Promise<void> {
    await this.#open();
  }

  /**
   * Opens the database again when its file was deleted or replaced while the process runs. Writes
   * to the old file would be lost without an error.
   */
  async acquireConnection(): Promise<DatabaseConnection> {
    await this.#mutex.lock();
    try {
      if (this.#closed) throw new Error("the database is closed");
      if (this.#connection?.isOnDisk() === false) {
        this.#connection.close();
        this.#connection = null;
        this.#onFileLost(new Error("the database file was deleted or replaced"));
      }
      return this.#connection ?? (await this.#open());
    } catch (error) {
      this.#mutex.unlock();
      throw error;
    }
  }

  async #open(): Promise<SqliteConnection> {
    this.#connection = await SqliteConnection.open(this.#path);
    this.#openings += 1;
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
    this.#mutex.unlock();
  }

  async destroy(): Promise<void> {
    await this.#mutex.lock();
    this.#closed = true;
    this.#connection?.close();
    this.#connection = null;
    this.#mutex.unlock();
  }
}
