import type { CallSid } from "../domain/ids.js";
import type { RecordEvent } from "../domain/record-event.js";
import type { SpoolEntry } from "../ports/spool.js";
import type { WriterId } from "../ports/store.js";
import { LiveCall } from "./live-call.js";

/** A call that is live is written this often. Events that others wait for are written at once. */
const LIVE_SAVE_MS = 45_000;
/** Due times are rounded up to this, so that many calls share one transaction. */
const LIVE_SAVE_STEP_MS = 5_000;
/**
 * Ended calls that stay in memory while the database is away. Beyond this only the journal on disk
 * has them.
 */
const MAX_ENDED_IN_MEMORY = 500;

/**
 * Turns, tools and events of the records that are saved together. Turning them into JSON takes a
 * few milliseconds, on the thread that carries calls.
 */
const MAX_ENTRIES = 500;

/** The calls of this process of which the database lacks something, in memory or only on disk. */
export class PendingCalls {
  readonly #writer: WriterId;
  readonly #calls = new Map<CallSid, LiveCall>();
  /** Ended calls that only the journal on disk has. */
  readonly #onDisk = new Set<CallSid>();
  #firstSeqOnDisk = Number.POSITIVE_INFINITY;

  constructor(writer: WriterId) {
    this.#writer = writer;
  }

  /** Calls whose events are not all in the database. */
  get count(): number {
    let count = this.#onDisk.size;
    for (const call of this.#calls.values()) if (call.pending.length > 0) count += 1;
    return count;
  }

  get someOnDiskOnly(): boolean {
    return this.#onDisk.size > 0;
  }

  /** Number of the first event of a call that only the disk has. */
  get firstSeqOnDisk(): number {
    return this.#firstSeqOnDisk;
  }

  get(callSid: CallSid): LiveCall | undefined {
    return this.#calls.get(callSid);
  }

  isOnDiskOnly(callSid: CallSid): boolean {
    return this.#onDisk.has(callSid);
  }

  delete(callSid: CallSid): void {
    this.#calls.delete(callSid);
  }

  /** @returns  when the call has to be saved; null when it is on disk only. */
  add(entry: SpoolEntry, nowMs: number): number | null {
    // The call's older events are in the journal only, and have to be applied first.
    if (this.#onDisk.has(entry.callSid)) return null;
    let call = this.#calls.get(entry.callSid);
    if (call === undefined) {
      call = new LiveCall(entry.callSid, this.#writer, entry.event);
      this.#calls.set(entry.callSid, call);
    }
    call.add(entry);
    const isUrgent = othersWaitFor(entry.event) || call.needsLookup;
    const dueMs = isUrgent ? nowMs : liveSaveMs(nowMs);
    call.dueMs = Math.min(call.dueMs ?? Number.POSITIVE_INFINITY, dueMs);
    return call.dueMs;
  }

  /** The first calls that are due: at most `limit`, and fewer when their records are large. */
  due(nowMs: number, limit: number): readonly LiveCall[] {
    const due: LiveCall[] = [];
    let entries = 0;
    for (const call of this.#calls.values()) {
      if (call.dueMs === null || call.dueMs > nowMs) continue;
      due.push(call);
      entries += call.size;
      if (due.length === limit || entries >= MAX_ENTRIES) break;
    }
    return due;
  }

  /** When the next call has to be saved; infinity when none has to be. */
  nextDueMs(): number {
    let dueMs = this.#onDisk.size > 0 ? 0 : Number.POSITIVE_INFINITY;
    for (const call of this.#calls.values())
      if (call.dueMs !== null) dueMs = Math.min(dueMs, call.dueMs);
    return dueMs;
  }

  makeAllDue(): void {
    for (const call of this.#calls.values()) if (call.pending.length > 0) call.dueMs = 0;
  }

  /** Number of the first event that the database lacks; `otherwise` when it lacks none. */
  lowestPendingSeq(otherwise: number): number {
    let low = Math.min(this.#firstSeqOnDisk, otherwise);
    for (const call of this.#calls.values()) low = Math.min(low, call.pending[0]?.seq ?? low);
    return low;
  }

  /**
   * Call this while the database is away: beyond a limit, ended calls that the disk has leave the
   * memory, oldest first.
   *
   * @param spooledSeq  the last event that is on disk.
   */
  moveToDisk(spooledSeq: number): void {
    const ended = [...this.#calls.values()].filter((call) => {
      const last = call.pending.at(-1);
      return call.record?.state === "ended" && last !== undefined && last.seq <= spooledSeq;
    });
    for (const call of ended.slice(0, Math.max(0, ended.length - MAX_ENDED_IN_MEMORY))) {
      this.#firstSeqOnDisk = Math.min(this.#firstSeqOnDisk, call.pending[0]!.seq);
      this.#onDisk.add(call.callSid);
      this.#calls.delete(call.callSid);
    }
  }

  /** The database has all that only the disk had. */
  forgetDisk(): void {
    this.#onDisk.clear();
    this.#firstSeqOnDisk = Number.POSITIVE_INFINITY;
  }
}

function liveSaveMs(nowMs: number): number {
  return Math.ceil((nowMs + LIVE_SAVE_MS) / LIVE_SAVE_STEP_MS) * LIVE_SAVE_STEP_MS;
}

/** Events that other processes and operators look for: beginning, transfer, recording and end. */
function othersWaitFor(event: RecordEvent): boolean {
  switch (event.type) {
    case "opened":
    case "transfer_requested":
    case "transfer_outcome":
    case "recording":
    case "recording_transcript":
    case "ended":
      return true;
    default:
      return false;
  }
}
