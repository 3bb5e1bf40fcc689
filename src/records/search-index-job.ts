import type { Clock, Timer } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import type { CallStore } from "../ports/store.js";

const INDEX_EVERY_MS = 2_000;
const INDEX_AFTER_FAILURE_MS = 30_000;
/**
 * A long call takes 2 ms to read and to split into words. After an update all calls are indexed,
 * 50 per second.
 */
const CALLS_AT_ONCE = 1;
const PAUSE_MS = 20;

/** Makes ended calls findable, a little later and one by one: calls go on meanwhile. */
export class SearchIndexJob {
  readonly #store: Pick<CallStore, "indexCalls">;
  readonly #clock: Clock;
  readonly #log: Log;
  #timer: Timer | null = null;
  #indexing: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(store: Pick<CallStore, "indexCalls">, clock: Clock, log: Log) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
  }

  start(): void {
    this.#indexIn(INDEX_EVERY_MS);
  }

  /** Resolves when the call that is being indexed is done. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#indexing;
  }

  #indexIn(ms: number): void {
    if (this.#stopped) return;
    this.#timer = this.#clock.after(ms, () => {
      this.#indexing = this.#run();
    });
  }

  async #run(): Promise<void> {
    try {
      const { count, unreadable } = await this.#store.indexCalls(CALLS_AT_ONCE);
      for (const callSid of unreadable)
        this.#log.warn("search: stored record unreadable", { callSid });
      this.#indexIn(count < CALLS_AT_ONCE ? INDEX_EVERY_MS : PAUSE_MS);
    } catch (error) {
      this.#log.warn("search: indexing failed, will retry", {}, error);
      this.#indexIn(INDEX_AFTER_FAILURE_MS);
    }
  }
}
