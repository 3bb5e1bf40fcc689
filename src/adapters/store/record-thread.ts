/**
 * The thread that reads records and writes them for answers: records are large, and what they leave
 * behind in memory would keep the audio of calls waiting. Started by `record-writer.ts`.
 */
import { statSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import Database from "libsql";
import type pg from "pg";
import type { CallSid } from "../../domain/ids.js";
import { writtenRecords } from "../../records/record-texts.js";
import { HalfTime } from "../system/half-time.js";
import { systemClock } from "../system/system-clock.js";
import { lowerPriority } from "../system/threads.js";
import { postgresPool } from "./postgres-pool.js";
import type { RecordSource, WriteAnswer, WriteRequest } from "./record-writer.js";

/** A reader meets a lock only while another process opens or closes the file. */
const BUSY_TIMEOUT_MS = 5_000;

interface Row {
  readonly call_sid: CallSid;
  readonly record: string;
}

/** Reads rows of `calls` by their key. */
interface Loader {
  load(callSids: readonly CallSid[]): Promise<readonly Row[]>;
  close(): Promise<void>;
}

class SqliteLoader implements Loader {
  readonly #path: string;
  #open: ReturnType<typeof openFile> | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  async load(callSids: readonly CallSid[]): Promise<readonly Row[]> {
    const found = statSync(this.#path, { throwIfNoEntry: false });
    // The file was deleted or replaced.
    if (this.#open !== null && (found?.ino !== this.#open.ino || found.dev !== this.#open.dev))
      await this.close();
    this.#open ??= openFile(this.#path);
    return this.#open.statement.all([JSON.stringify(callSids)]) as Row[];
  }

  async close(): Promise<void> {
    this.#open?.db.close();
    this.#open = null;
  }
}

function openFile(path: string) {
  const { ino, dev } = statSync(path);
  const db = new Database(path, { timeout: BUSY_TIMEOUT_MS });
  db.exec("PRAGMA query_only = ON");
  const statement = db.prepare(
    "select call_sid, record from calls where call_sid in (select value from json_each(?))",
  );
  return { db, statement, ino, dev };
}

class PostgresLoader implements Loader {
  readonly #pool: pg.Pool;

  constructor(url: string) {
    // A broken connection is replaced; what it was asked for fails by itself.
    this.#pool = postgresPool(url, 1, () => undefined);
  }

  async load(callSids: readonly CallSid[]): Promise<readonly Row[]> {
    const { rows } = await this.#pool.query<Row>({
      text: "select call_sid, record from calls where call_sid = any($1)",
      values: [callSids],
    });
    return rows;
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }
}

async function answer({ id, wanted }: WriteRequest): Promise<WriteAnswer> {
  try {
    const rows = await loader.load(wanted.callSids);
    const stored = new Map(rows.map(({ call_sid, record }) => [call_sid, record]));
    return { id, written: writtenRecords(wanted, stored) };
  } catch (error) {
    const { message, code } = Object(error) as { message?: unknown; code?: unknown };
    return { id, error: { message: String(message), code: String(code ?? "") } };
  }
}

lowerPriority();
const { source } = workerData as { readonly source: RecordSource };
const loader: Loader =
  "path" in source ? new SqliteLoader(source.path) : new PostgresLoader(source.url);
/** Half of a core at most, however many read: the calls, and the database beside them, need it. */
const pace = new HalfTime({ nowMs: systemClock.nowMs, sleep: setTimeout });

parentPort?.on("message", (request: WriteRequest | null) => {
  pace.run(async () => {
    if (request === null) {
      await loader.close();
      parentPort?.close();
      return;
    }
    const answered = await answer(request);
    const bytes = "written" in answered ? [answered.written.text.buffer as ArrayBuffer] : [];
    parentPort?.postMessage(answered, bytes);
  });
});
