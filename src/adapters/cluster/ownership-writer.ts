import type { CallSid } from "../../domain/ids.js";
import type { Clock, Timer } from "../../ports/clock.js";
import type { OwnershipChange } from "./owner-table.js";

/** Changes within this time are written together. */
const WRITE_AFTER_MS = 20;
/** From a failed write to the next try. */
const RETRY_MS = 1_000;
/** Some hours of calls while the database is away. Beyond this the oldest changes are dropped. */
const MAX_CHANGES = 50_000;

/** Collects claims and releases of calls, and writes them in batches until they are stored. */
export class OwnershipWriter {
  readonly #clock: Clock;
  readonly #store: (changes: ReadonlyMap<CallSid, OwnershipChange>) => Promise<void>;
  /** The latest change of each call that is not stored yet. */
  readonly #changes = new Map<CallSid, OwnershipChange>();
  #timer: Timer | null = null;
  #writing: Promise<void> | null = null;
  #stopped = false;

  /** @param store  stores changes; it rejects while the database is away. */
  constructor(
    clock: Clock,
    store: (changes: ReadonlyMap<CallSid, OwnershipChange>) => Promise<void>,
  ) {
    this.#clock = clock;
    this.#store = store;
  }

  change(callSid: CallSid, change: OwnershipChange): void {
    if (this.#stopped) return;
    // Deleted first, so that the call becomes the newest entry.
    this.#changes.delete(callSid);
    this.#changes.set(callSid, change);
    if (this.#changes.size > MAX_CHANGES) {
      const [oldest] = this.#changes.keys();
      if (oldest !== undefined) this.#changes.delete(oldest);
    }
    this.#writeIn(WRITE_AFTER_MS);
  }

  /** Tries once more to write what is left. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#write();
  }

  #writeIn(ms: number): void {
    this.#timer ??= this.#clock.after(ms, () => void this.#write());
  }

  async #write(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = null;
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = null;
    });
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    const changes = new Map(this.#changes);
    if (changes.size === 0) return;
    let pauseMs = WRITE_AFTER_MS;
    try {
      await this.#store(changes);
      for (const [callSid, change] of changes)
        if (this.#changes.get(callSid) === change) this.#changes.delete(callSid);
    } catch {
      // `store` reports its own errors.
      pauseMs = RETRY_MS;
    }
    if (this.#changes.size > 0 && !this.#stopped) this.#writeIn(pauseMs);
  }
}
