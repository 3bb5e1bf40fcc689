import type { CallRecord } from "../domain/call-record.js";
import type { CallSid } from "../domain/ids.js";
import type { RecordEvent } from "../domain/record-event.js";
import type { SpoolEntry } from "../ports/spool.js";
import type { CallSave, StoredCall, WriterId } from "../ports/store.js";
import { applyEvents, emptyRecord } from "./record.js";

/** Why a call is failed whose process went away. */
export const PROCESS_LOST = "process_lost";

/** A call that this process writes: what it knows of it, and what the database does not know yet. */
export class LiveCall {
  readonly callSid: CallSid;
  readonly #writer: WriterId;
  #record: CallRecord;
  /** What the record is built on; null: the call may be in the database already and has not been looked up. */
  #base: { readonly version: number; readonly applied: Readonly<Record<WriterId, number>> } | null;
  #pending: SpoolEntry[] = [];
  /** Those that the record does not contain yet: many at once are cheaper than each when it comes. */
  #unapplied: RecordEvent[] = [];
  /** Who answers for the call while it lives: this process when it has seen it begin. */
  #owner: WriterId;
  /** This process has seen it begin. */
  #opened = false;
  /** It goes on in another process. */
  #moved = false;
  /** Monotonic ms by which the database should have it; null: there is nothing to save. */
  dueMs: number | null = null;
  /** Times that the database refused this call for what is in it. */
  refusals = 0;
  /** Times that the call was looked up and was not there. */
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
    return this.#base === null ? null : this.#upToDate();
  }

  get pending(): readonly SpoolEntry[] {
    return this.#pending;
  }

  get needsLookup(): boolean {
    return this.#base === null;
  }

  /** All of it is in the database, and no more is to be expected of this process. */
  get isDone(): boolean {
    if (this.#pending.length > 0) return false;
    return this.#moved || this.#upToDate().state === "ended" || this.#owner !== this.#writer;
  }

  apply(entry: SpoolEntry): void {
    this.#pending.push(entry);
    if (entry.event.type === "opened") {
      this.#owner = this.#writer;
      this.#opened = true;
      // It came back, or had only rung.
      this.#moved = false;
    }
    if (entry.event.type === "moved") this.#moved = true;
    if (this.#base !== null) this.#unapplied.push(entry.event);
  }

  #upToDate(): CallRecord {
    if (this.#unapplied.length > 0) {
      this.#record = applyEvents(this.#record, this.#unapplied);
      this.#unapplied = [];
    }
    return this.#record;
  }

  /** Puts what is pending on top of what is stored; null: the database does not have the call. */
  rebase(stored: StoredCall | null): void {
    const applied = stored?.applied ?? {};
    const done = applied[this.#writer] ?? 0;
    this.#pending = this.#pending.filter((entry) => entry.seq > done);
    this.#base = { version: stored?.version ?? 0, applied };
    // Where a stream arrived elsewhere, two have seen the call begin: whoever has not let it go answers for it.
    const opens = this.#opened && !this.#moved;
    const lives = this.#upToDate().state === "live" && stored?.owner === this.#writer;
    if (stored !== null && !opens) this.#owner = stored.owner;
    const base = stored?.record ?? emptyRecord(this.callSid);
    // Somebody took this process for dead, while it only could not reach the database.
    const revived = lives && base.endReason === PROCESS_LOST ? revive(base) : base;
    this.#record = revived;
    this.#unapplied = this.#pending.map((entry) => entry.event);
  }

  /** @param finished  the record as it is to be stored, priced. */
  save(finished: (record: CallRecord) => CallRecord): CallSave {
    const base = this.#base ?? { version: 0, applied: {} };
    const last = this.#pending.at(-1);
    return {
      callSid: this.callSid,
      record: finished(this.#upToDate()),
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

/** The record as if nobody had ended it. */
function revive(record: CallRecord): CallRecord {
  return { ...record, state: "live", endedAt: null, outcome: null, endReason: null };
}

/** The newest moment that a record knows of: ms since its beginning. */
export function lastKnownMs(record: CallRecord): number {
  const times = [
    ...record.turns.flatMap((turn) => [turn.startedMs ?? 0, turn.endedMs ?? 0]),
    ...record.tools.map((tool) => tool.atMs),
    ...record.events.map((event) => event.atMs),
    ...(record.transfer?.steps.map((step) => step.atMs) ?? []),
    record.transfer?.requestedMs ?? 0,
  ];
  return times.reduce((latest, ms) => Math.max(latest, ms), 0);
}
