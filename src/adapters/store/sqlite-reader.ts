import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
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

export interface ReadRequest {
  readonly id: number;
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

export type ReadAnswer =
  | { readonly id: number; readonly rows: readonly unknown[] }
  | { readonly id: number; readonly error: { readonly message: string; readonly code: string } };

interface Waiting {
  resolve(rows: readonly unknown[]): void;
  reject(error: Error): void;
}

/** An error of SQLite, with its code as libsql reports it. */
class ReadError extends Error {
  readonly code: string;

  constructor(message: string, code: string) {
    super(message);
    this.code = code;
  }
}

/** More searches at once are refused: the thread does one after the other. */
const MAX_WAITING = 50;
/** A slower database counts as away, as with PostgreSQL. */
const DEADLINE_MS = 10_000;
const ENTRY = fileURLToPath(new URL("./sqlite-reader-thread.mjs", import.meta.url));

/**
 * Reads an SQLite file on a thread of its own, which begins with the first query. libsql's promise
 * API runs only the first step of a statement beside the event loop, so that a search that looks
 * through many rows would keep the audio of calls waiting. Writing, and reading rows by their key,
 * need no thread.
 */
export class SqliteReader implements Dialect, Driver, DatabaseConnection {
  readonly #path: string;
  readonly #waiting = new Map<number, Waiting>();
  #thread: Worker | null = null;
  #lastId = 0;
  #closed = false;

  /** @param path  of the database file. */
  constructor(path: string) {
    this.#path = path;
  }

  /** Rejects with SQLite's error, and with SQLITE_BUSY while too many queries wait. */
  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    if (this.#closed) throw new Error("the database is closed");
    if (this.#waiting.size >= MAX_WAITING)
      throw new ReadError("too many searches wait", "SQLITE_BUSY");
    this.#thread ??= this.#start();
    this.#lastId += 1;
    const request: ReadRequest = { id: this.#lastId, sql, parameters };
    const thread = this.#thread;
    const deadline = setTimeout(() => this.#tooSlow(thread), DEADLINE_MS);
    try {
      const rows = await new Promise<readonly unknown[]>((resolve, reject) => {
        this.#waiting.set(request.id, { resolve, reject });
        thread.ref();
        thread.postMessage(request);
      });
      return { rows: rows as R[] };
    } finally {
      clearTimeout(deadline);
    }
  }

  /** SQLite cannot be stopped in the middle of a step: the thread ends when that is over. */
  #tooSlow(thread: Worker): void {
    this.#ended(thread, new ReadError("the search took too long", "SQLITE_INTERRUPT"));
    void thread.terminate();
  }

  #start(): Worker {
    const thread = new Worker(ENTRY, { workerData: this.#path, execArgv: [] });
    thread.on("message", (answer: ReadAnswer) => this.#answered(answer));
    thread.on("error", (error) => this.#ended(thread, error));
    thread.on("exit", () => this.#ended(thread, new Error("the reading thread has ended")));
    return thread;
  }

  #answered(answer: ReadAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    // An idle thread does not keep the process alive.
    if (this.#waiting.size === 0) this.#thread?.unref();
    if ("rows" in answer) waiting?.resolve(answer.rows);
    else waiting?.reject(new ReadError(answer.error.message, answer.error.code));
  }

  /** What waits fails; the next query begins a new thread. */
  #ended(thread: Worker, error: Error): void {
    if (this.#thread !== thread) return;
    this.#thread = null;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const one of waiting) one.reject(error);
  }

  // biome-ignore lint/correctness/useYield: kysely requires the method; no query streams.
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error("streaming is not supported on SQLite");
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return this;
  }

  async releaseConnection(): Promise<void> {}

  async beginTransaction(): Promise<void> {
    throw new Error("this connection only reads");
  }

  async commitTransaction(): Promise<void> {}

  async rollbackTransaction(): Promise<void> {}

  async destroy(): Promise<void> {
    this.#closed = true;
    const thread = this.#thread;
    if (thread === null) return;
    this.#ended(thread, new Error("the database is closed"));
    await thread.terminate();
  }

  createDriver(): Driver {
    return this;
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
