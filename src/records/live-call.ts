import type { CallRecord } from "../domain/call-record.js";
import type { CallSid } from "../domain/ids.js";
import type { RecordEvent } from "../domain/record-event.js";
import type { SpoolEntry } from "../ports/spool.js";
import type { CallSave, StoredCall, WriterId } from "../ports/store.js";
import { applyEvents, emptyRecord } from "./record.js";

/** `endReason` of a call whose process died. */
export const PROCESS_LOST = "process_lost";

/** The stored call that a record is based on. */
interface Base {
  readonly version: number;
  readonly applied: Readonly<Record<WriterId, number>>;
}

/** The part of a call that this process writes: its record, and the events not yet stored. */
export class LiveCall {
  readonly callSid: CallSid;
  readonly #writer: WriterId;
  #record: CallRecord;
  /** Null until the call has been looked up: the database may have it already. */
  #base: Base | null;
  #pending: SpoolEntry[] = [];
  /**
   * How many of the pending events, from the last one back, the record does not contain yet.
   * Applying many at once costs less than each alone.
   */
  #unapplied = 0;
  /** The process that owns the call: this one if it saw the call begin. */
  #owner: WriterId;
  /** This process saw the call begin. */
  #opened = false;
  /** The call continues in another process. */
  #moved = false;
  /**
   * Monotonic ms at which the database should have the events; null when there is nothing to save.
   */
  dueMs: number | null = null;
  /** How often the database has refused this record for its content. */
  refusals = 0;
  /** How often the call was looked up and not found. */
  misses = 0;

  constructor(callSid: CallSid, writer: WriterId, first: RecordEvent) {
    this.callSid = callSid;
    this.#writer = writer;
    this.#record = emptyRecord(callSid);
    this.#owner = writer;
    this.#base = first.type === "opened" ? { version: 0, applied: {} } : null;
  }

  /** Null until the call has been looked up. */
  get record(): CallRecord | null {
    return this.#base === null ? null : this.#currentRecord();
  }

  /**
   * Neither the database nor another process knows more of the call than this one. Of a call that
   * goes on elsewhere, an event may wait here for the next save while its end is in the database.
   */
  get knowsMost(): boolean {
    return this.#base !== null && !this.#moved && this.#owner === this.#writer;
  }

  /** Events that the database does not have, in order. */
  get pending(): readonly SpoolEntry[] {
    return this.#pending;
  }

  /**
   * Turns, tools and events of the record as it was at the last save or lookup, plus the pending.
   */
  get size(): number {
    const { turns, tools, events } = this.#record;
    return turns.length + tools.length + events.length + this.#pending.length;
  }

  get needsLookup(): boolean {
    return this.#base === null;
  }

  /** The database has all of it, and this process expects no more events. */
  get isDone(): boolean {
    if (this.#pending.length > 0) return false;
    return this.#moved || this.#currentRecord().state === "ended" || this.#owner !== this.#writer;
  }

  add(entry: SpoolEntry): void {
    this.#pending.push(entry);
    if (entry.event.type === "opened") {
      this.#owner = this.#writer;
      this.#opened = true;
      // The call came back, or the phone only rang before.
      this.#moved = false;
    }
    if (entry.event.type === "moved") this.#moved = true;
    if (this.#base !== null) this.#unapplied++;
  }

  #currentRecord(): CallRecord {
    if (this.#unapplied > 0) {
      const events = this.#pending.slice(-this.#unapplied).map((entry) => entry.event);
      this.#record = applyEvents(this.#record, events);
      this.#unapplied = 0;
    }
    return this.#record;
  }

  /** Applies the pending events to what is stored. Null: the database does not have the call. */
  rebase(stored: StoredCall | null): void {
    if (stored === null && this.#base !== null && this.#base.version > 0) {
      // The database lost the call, for example because its file was deleted. Store all of it.
      this.#base = { version: 0, applied: this.#base.applied };
      return;
    }
    if (stored?.unreadable !== undefined && this.#base !== null) {
      // This process knows more of it than what could still be read.
      this.#base = { version: stored.version, applied: this.#base.applied };
      return;
    }
    const applied = stored?.applied ?? {};
    const done = applied[this.#writer] ?? 0;
    const wasLive = this.#currentRecord().state === "live";
    this.#pending = this.#pending.filter((entry) => entry.seq > done);
    this.#base = { version: stored?.version ?? 0, applied };
    // When a stream arrives at another process, two processes have seen the call begin. The one
    // that has not passed the call on owns it.
    const opens = this.#opened && !this.#moved;
    const isLive = wasLive && stored?.owner === this.#writer;
    if (stored !== null && !opens) this.#owner = stored.owner;
    const base = stored?.record ?? emptyRecord(this.callSid);
    // Another process took this one for dead while only the database could not be reached.
    this.#record = isLive && base.endReason === PROCESS_LOST ? reopened(base) : base;
    this.#unapplied = this.#pending.length;
  }

  /** @param finish  prices the record before it is stored. */
  save(finish: (record: CallRecord) => CallRecord): CallSave {
    const base = this.#base ?? { version: 0, applied: {} };
    const last = this.#pending.at(-1);
    return {
      callSid: this.callSid,
      record: finish(this.#currentRecord()),
      applied: last === undefined ? base.applied : { ...base.applied, [this.#writer]: last.seq },
      basedOn: base.version,
      owner: this.#owner,
    };
  }

  saved(save: CallSave): void {
    const done = save.applied[this.#writer] ?? 0;
    this.#base = { version: save.basedOn + 1, applied: save.applied };
    this.#pending = this.#pending.filter((entry) => entry.seq > done);
    this.refusals = 0;
  }
}

/** Takes back the end that recovery gave the record. */
function reopened(record: CallRecord): CallRecord {
  return { ...record, state: "live", endedAt: null, outcome: null, endReason: null };
}
