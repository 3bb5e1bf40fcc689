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
import { endThread, ThreadError } from "../system/threads.js";

export interface ReadRequest {
  readonly id: number;
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

export type ReadAnswer =
  | { readonly id: number; readonly rows: readonly unknown[] }
  | { readonly id: number; readonly error: { readonly message: string; readonly code: string } };

interface Pending {
  readonly request: ReadRequest;
  readonly resolve: (rows: readonly unknown[]) => void;
  readonly reject: (error: Error) => void;
  /** Ends the wait for the thread, later the wait for the answer. */
  timer: NodeJS.Timeout | null;
}

/** More searches at once are refused: the thread does one after the other. */
const MAX_WAITING = 50;
/** From the moment when the thread gets a query. A slower database counts as away. */
const DEADLINE_MS = 10_000;
const MAX_QUEUED_MS = 20_000;
const ENTRY = fileURLToPath(new URL("./sqlite-reader-thread.mjs", import.meta.url));

/**
 * Reads an SQLite file on a thread of its own, which begins with the first query. libsql's promise
 * API runs only the first step of a statement beside the event loop, so that a search that looks
 * through many rows would keep the audio of calls waiting. Writing, and reading rows by their key,
 * need no thread.
 */
export class SqliteReader implements Dialect, Driver, DatabaseConnection {
  readonly #path: string;
  readonly #queue: Pending[] = [];
  #running: Pending | null = null;
  #thread: Worker | null = null;
  /** The thread is to end, and gets no more queries. */
  #stopping = false;
  #lastId = 0;
  #closed = false;

  /** @param path  of the database file. */
  constructor(path: string) {
    this.#path = path;
  }

  /** Rejects with SQLite's error, and with SQLITE_BUSY when the thread has too much to do. */
  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    if (this.#closed) throw new Error("the database is closed");
    if (this.#stopping) throw new ThreadError("an earlier search has not ended", "SQLITE_BUSY");
    if (this.#queue.length + (this.#running === null ? 0 : 1) >= MAX_WAITING)
      throw new ThreadError("too many searches wait", "SQLITE_BUSY");
    this.#lastId += 1;
    const request: ReadRequest = { id: this.#lastId, sql, parameters };
    const rows = await new Promise<readonly unknown[]>((resolve, reject) => {
      const pending: Pending = { request, resolve, reject, timer: null };
      pending.timer = setTimeout(() => this.#refuse(pending), MAX_QUEUED_MS);
      this.#queue.push(pending);
      this.#next();
    });
    return { rows: rows as R[] };
  }

  #refuse(pending: Pending): void {
    this.#queue.splice(this.#queue.indexOf(pending), 1);
    pending.reject(new ThreadError("too many searches wait", "SQLITE_BUSY"));
  }

  /** The thread gets one query at a time, so that it is known which one takes too long. */
  #next(): void {
    if (this.#running !== null || this.#stopping) return;
    const pending = this.#queue.shift();
    if (pending === undefined) {
      // An idle thread does not keep the process alive.
      this.#thread?.unref();
      return;
    }
    this.#thread ??= this.#start();
    const thread = this.#thread;
    if (pending.timer !== null) clearTimeout(pending.timer);
    pending.timer = setTimeout(() => this.#tooSlow(thread), DEADLINE_MS);
    this.#running = pending;
    thread.ref();
    thread.postMessage(pending.request);
  }

  /**
   * SQLite cannot be stopped in the middle of a step. Told so, the thread ends after it. With
   * `terminate` libsql may end the process instead when the step is over.
   */
  #tooSlow(thread: Worker): void {
    this.#fail(new ThreadError("the search took too long", "SQLITE_INTERRUPT"));
    thread.postMessage(null);
  }

  /** The query that runs fails. The next one begins a new thread, once this one is gone. */
  #fail(error: Error): void {
    this.#stopping = true;
    this.#thread?.unref();
    this.#finished()?.reject(error);
  }

  #finished(): Pending | null {
    const pending = this.#running;
    this.#running = null;
    if (pending !== null && pending.timer !== null) clearTimeout(pending.timer);
    return pending;
  }

  #start(): Worker {
    const thread = new Worker(ENTRY, { workerData: this.#path, execArgv: [] });
    thread.on("message", (answer: ReadAnswer) => this.#answered(answer));
    thread.on("error", (error) => this.#fail(error));
    thread.on("exit", () => {
      this.#fail(new Error("the reading thread has ended"));
      this.#thread = null;
      this.#stopping = false;
      this.#next();
    });
    return thread;
  }

  #answered(answer: ReadAnswer): void {
    // It came too late.
    if (this.#running?.request.id !== answer.id) return;
    const pending = this.#finished();
    if ("rows" in answer) pending?.resolve(answer.rows);
    else pending?.reject(new ThreadError(answer.error.message, answer.error.code));
    this.#next();
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
    const error = new Error("the database is closed");
    for (const { timer, reject } of this.#queue.splice(0)) {
      if (timer !== null) clearTimeout(timer);
      reject(error);
    }
    const thread = this.#thread;
    if (thread === null) return;
    this.#fail(error);
    await endThread(thread);
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
