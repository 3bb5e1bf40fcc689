import type { CallRecord } from "../domain/call-record.js";
import { RelayError } from "../domain/errors.js";
import type { Clock } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import type { Metrics } from "../ports/metrics.js";
import type { Spool } from "../ports/spool.js";
import type { CallSave, CallStore, StoredCall } from "../ports/store.js";
import type { LiveCall } from "./live-call.js";
import type { PendingCalls } from "./pending-calls.js";
import { setAside } from "./stored-record.js";

/**
 * How often a call is looked up that is not in the database: another process may be about to store
 * its beginning.
 */
const LOOKUPS = 30;
/** From a lookup or a refusal to the next try. */
const RETRY_MS = 2_000;
/** A record that the database refuses this often is set aside. */
const REFUSALS = 3;

export interface CallSaverPorts {
  readonly store: CallStore;
  readonly spool: Pick<Spool, "quarantine">;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Pick<Metrics, "recordsDropped">;
  /**
   * Returns to the event loop between items that take long together. Absent: nothing else waits.
   */
  readonly inSlices?: <T>(items: Iterable<T>) => AsyncIterable<T>;
}

/**
 * Saves calls in batches. Solves conflicts with other processes, and sets aside what is refused.
 */
export class CallSaver {
  readonly #ports: CallSaverPorts;
  readonly #calls: PendingCalls;
  readonly #finish: (record: CallRecord) => CallRecord;

  constructor(
    ports: CallSaverPorts,
    calls: PendingCalls,
    finish: (record: CallRecord) => CallRecord,
  ) {
    this.#ports = ports;
    this.#calls = calls;
    this.#finish = finish;
  }

  /** Rejects when the database is away; the calls then stay due. */
  async save(calls: readonly LiveCall[]): Promise<void> {
    const unknown = calls.filter((call) => call.needsLookup);
    if (unknown.length > 0) await this.#lookUp(unknown);
    const ready = calls.filter((call) => !call.needsLookup);
    if (ready.length === 0) return;
    // Many calls end within one second, and to bring a record up to date takes 0.2 ms and more.
    const saves: CallSave[] = [];
    for await (const call of this.#ports.inSlices?.(ready) ?? ready)
      saves.push(call.save(this.#finish));
    try {
      await this.#saveAll(ready, saves);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      // The database refuses one of the records. Save each alone, so that the others do not wait.
      for (const [i, call] of ready.entries()) await this.#saveAlone(call, saves[i]!);
    }
  }

  async #rebase(call: LiveCall, stored: StoredCall | null): Promise<void> {
    await setAside(call.callSid, stored, this.#ports);
    call.rebase(stored);
  }

  async #saveAll(calls: readonly LiveCall[], saves: readonly CallSave[]): Promise<void> {
    const { store } = this.#ports;
    const outcomes = await store.save(saves);
    const conflicts: LiveCall[] = [];
    for (const [i, call] of calls.entries()) {
      if (outcomes[i] === "conflict") conflicts.push(call);
      else if (outcomes[i] === "deleted") this.#calls.delete(call.callSid);
      else {
        call.saved(saves[i]!);
        this.#settle(call);
      }
    }
    if (conflicts.length === 0) return;
    const stored = await store.loadMany(conflicts.map((call) => call.callSid));
    for (const call of conflicts) {
      await this.#rebase(call, stored.get(call.callSid) ?? null);
      if (call.pending.length === 0) this.#settle(call);
    }
  }

  #settle(call: LiveCall): void {
    const nowMs = this.#ports.clock.nowMs();
    call.dueMs = call.pending.length === 0 ? null : Math.max(call.dueMs ?? 0, nowMs);
    if (call.isDone) this.#calls.delete(call.callSid);
  }

  async #saveAlone(call: LiveCall, save: CallSave): Promise<void> {
    const { clock, log, metrics, spool } = this.#ports;
    try {
      await this.#saveAll([call], [save]);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      call.refusals += 1;
      call.dueMs = clock.nowMs() + RETRY_MS;
      if (call.refusals < REFUSALS) return;
      log.error("records: record refused, set aside", { callSid: call.callSid }, error);
      await spool.quarantine(call.callSid, JSON.stringify(save.record));
      metrics.recordsDropped.add(call.pending.length);
      this.#calls.delete(call.callSid);
    }
  }

  /** Finds calls whose beginning another process wrote: a callback, or a caller who came back. */
  async #lookUp(calls: readonly LiveCall[]): Promise<void> {
    const { clock, log, metrics, store } = this.#ports;
    const stored = await store.loadMany(calls.map((call) => call.callSid));
    for (const call of calls) {
      const found = stored.get(call.callSid);
      const begins = call.pending.some((entry) => entry.event.type === "opened");
      if (found !== undefined || begins) {
        await this.#rebase(call, found ?? null);
        continue;
      }
      call.misses += 1;
      call.dueMs = clock.nowMs() + RETRY_MS;
      if (call.misses < LOOKUPS) continue;
      log.warn("records: events of an unknown call dropped", { callSid: call.callSid });
      metrics.recordsDropped.add(call.pending.length);
      this.#calls.delete(call.callSid);
    }
  }
}

/** The database works, and refuses what it was given. */
function isRefusal(error: unknown): error is RelayError {
  return error instanceof RelayError && !error.retryable;
}
