import type { CallSid } from "../domain/ids.js";
import type { Operator } from "../domain/operator.js";
import type { Clock, Timer } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import type { AuditCursor, AuditEntry, AuditQuery, AuditStore } from "../ports/store.js";

/** What an operator did, and what became of it. */
export interface OperatorAct {
  readonly operator: Operator;
  /** A fixed name, for example "note". */
  readonly action: string;
  readonly callSid: CallSid | null;
  /** HTTP status of the answer. */
  readonly status: number;
}

export interface AuditLogDeps {
  readonly store: AuditStore;
  readonly clock: Clock;
  readonly log: Log;
  /** Makes an id that no other process makes. */
  readonly newId: () => string;
}

/** Entries that wait for the database. Past this the oldest is dropped; the process log has it. */
const MAX_WAITING = 5_000;
const MAX_AT_ONCE = 100;
const RETRY_MS = 5_000;

/**
 * Writes down what operators do. An act is not refused because the database is away: its entry
 * waits in memory and is also in the process log.
 */
export class AuditLog {
  readonly #deps: AuditLogDeps;
  #waiting: AuditEntry[] = [];
  #writing: Promise<void> | null = null;
  #retry: Timer | null = null;

  constructor(deps: AuditLogDeps) {
    this.#deps = deps;
  }

  /** Never waits and never throws. */
  write({ operator, action, callSid, status }: OperatorAct): void {
    const { clock, log, newId } = this.#deps;
    const { name, role } = operator;
    log.info("audit: act", { operator: name, role, action, callSid, status });
    const epochMs = clock.epochMs();
    this.#waiting.push({ id: newId(), epochMs, operator: name, role, action, callSid, status });
    if (this.#waiting.length > MAX_WAITING) {
      this.#waiting.shift();
      log.error("audit: entry dropped", { waiting: MAX_WAITING });
    }
    if (this.#retry === null) this.#writeWaiting();
  }

  /** Newest first. */
  async find(
    query: AuditQuery,
    after: AuditCursor | null,
    limit: number,
  ): Promise<readonly AuditEntry[]> {
    await this.#writing;
    return await this.#deps.store.findAudit(query, after, limit);
  }

  /** Tries once more to write what waits. */
  async stop(): Promise<void> {
    this.#cancelRetry();
    this.#writeWaiting();
    await this.#writing;
    this.#cancelRetry();
  }

  #cancelRetry(): void {
    this.#retry?.cancel();
    this.#retry = null;
  }

  #writeWaiting(): void {
    if (this.#writing !== null || this.#waiting.length === 0) return;
    this.#writing = this.#writeAll().finally(() => {
      this.#writing = null;
    });
  }

  async #writeAll(): Promise<void> {
    const { store, clock, log } = this.#deps;
    while (this.#waiting.length > 0) {
      const entries = this.#waiting.slice(0, MAX_AT_ONCE);
      try {
        await store.addAudit(entries);
      } catch (error) {
        log.warn("audit: entries not stored", { waiting: this.#waiting.length }, error);
        this.#retry = clock.after(RETRY_MS, () => {
          this.#retry = null;
          this.#writeWaiting();
        });
        return;
      }
      const stored = new Set(entries);
      this.#waiting = this.#waiting.filter((entry) => !stored.has(entry));
    }
  }
}
