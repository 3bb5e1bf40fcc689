import type { Worker } from "node:worker_threads";
import type { RecordsWanted, WrittenRecords } from "../../ports/store.js";
import { endThread, startThread, ThreadError } from "../system/threads.js";
import type { Guard } from "./guard.js";

/** Where a thread reads records. */
export type RecordSource = { readonly path: string } | { readonly url: string };

export interface WriteRequest {
  readonly id: number;
  readonly wanted: RecordsWanted;
}

export type WriteAnswer =
  | { readonly id: number; readonly written: WrittenRecords }
  | { readonly id: number; readonly error: { readonly message: string; readonly code: string } };

interface Pending {
  readonly resolve: (written: WrittenRecords) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** From asking. Each reader waits for a few records at a time, so that few are asked for. */
const DEADLINE_MS = 20_000;
const ENTRY = new URL("./record-thread", import.meta.url);

/** Reads and writes records on a thread of its own, which begins with the first ones. */
export class RecordWriter {
  readonly #source: RecordSource;
  readonly #guard: Guard;
  readonly #pending = new Map<number, Pending>();
  #thread: Worker | null = null;
  #lastId = 0;
  #closed = false;

  constructor(source: RecordSource, guard: Guard) {
    this.#source = source;
    this.#guard = guard;
  }

  async writeRecords(wanted: RecordsWanted): Promise<WrittenRecords> {
    return await this.#guard("load_calls", async () => await this.#ask(wanted));
  }

  async #ask(wanted: RecordsWanted): Promise<WrittenRecords> {
    if (this.#closed) throw new Error("the database is closed");
    this.#thread ??= this.#start();
    const thread = this.#thread;
    this.#lastId += 1;
    const id = this.#lastId;
    return await new Promise<WrittenRecords>((resolve, reject) => {
      const late = () => this.#fail(id, new ThreadError("reading records took too long", ""));
      this.#pending.set(id, { resolve, reject, timer: setTimeout(late, DEADLINE_MS) });
      thread.ref();
      thread.postMessage({ id, wanted } satisfies WriteRequest);
    });
  }

  #start(): Worker {
    const thread = startThread(ENTRY, { source: this.#source });
    thread.on("message", (answer: WriteAnswer) => {
      if ("error" in answer)
        this.#fail(answer.id, new ThreadError(answer.error.message, answer.error.code));
      else this.#taken(answer.id)?.resolve(answer.written);
    });
    thread.on("error", (error) => this.#failAll(error));
    thread.on("exit", () => {
      this.#thread = null;
      this.#failAll(new Error("the thread that reads records has ended"));
    });
    return thread;
  }

  #taken(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    clearTimeout(pending?.timer);
    // An idle thread does not keep the process alive.
    if (this.#pending.size === 0) this.#thread?.unref();
    return pending;
  }

  #fail(id: number, error: Error): void {
    this.#taken(id)?.reject(error);
  }

  #failAll(error: Error): void {
    for (const id of [...this.#pending.keys()]) this.#fail(id, error);
  }

  /** What waits fails. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#failAll(new Error("the database is closed"));
    if (this.#thread !== null) await endThread(this.#thread);
  }
}
