import type { CallRecord } from "../domain/call-record.js";
import { RelayError } from "../domain/errors.js";
import type { CallSid } from "../domain/ids.js";
import type { CallJournal, RecordEvent } from "../domain/record-event.js";
import type { Clock, Timer } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import type { Metrics } from "../ports/metrics.js";
import {
  type OrphanSpool,
  type Spool,
  type SpoolEntry,
  type SpoolPiece,
  spoolPiece,
} from "../ports/spool.js";
import type { CallSave, CallStore } from "../ports/store.js";
import { type PriceTable, priced } from "./cost.js";
import { LiveCall } from "./live-call.js";
import { finalise, replay } from "./recovery.js";
import { type Redact, redactEvent } from "./redact.js";

/**
 * From an event to memory that outlives this process: what a SIGKILL can take of a call that goes on is what came within this time. Not
 * at every event: many together cost a small part of each alone.
 */
const HOLD_EVERY_MS = 250;
/**
 * From there to the journal on disk: what can be lost with that memory, in a container or with the machine. A write to the disk costs 0.1
 * to 0.4 ms of CPU, however little is written, most of it to wake the thread that does it.
 */
const SPOOL_EVERY_MS = 1_000;
/** The same where there is no such memory: soon, and yet some at once when many calls end together. */
const SPOOL_UNHELD_MS = 50;
/** How often the database is looked after while something waits. */
const SAVE_EVERY_MS = 1_000;
/** Calls that go on are written this often; what matters at once (beginning, transfer, end) is not held back. */
const LIVE_SAVE_MS = 45_000;
/** … and together: a transaction costs more than what is written in it. */
const LIVE_SAVE_STEP_MS = 5_000;
const CALLS_A_BATCH = 32;
/** Events between two turns of the timer, at most: more than 10,000 calls make. */
const MAX_QUEUE = 100_000;
/** Events kept for a disk that takes nothing. Beyond, only memory has them until the database does. */
const MAX_UNSPOOLED = 50_000;
/** Ended calls kept in memory for a database that is away. Beyond, only the journal on disk has them. */
const MAX_HELD = 500;
const HEARTBEAT_MS = 10_000;
/** A writer that has been silent for this long is gone; so is this one to the others, hence six heartbeats. */
const LOST_AFTER_MS = 60_000;
const RECOVER_EVERY_MS = 30_000;
const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 5_000;
/** A call that is nowhere: another process may just be about to store its beginning. */
const LOOKUPS = 30;
const LOOKUP_EVERY_MS = 2_000;
const REFUSALS = 3;

export interface RecordWriterPorts {
  readonly store: CallStore;
  readonly spool: Spool;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Pick<Metrics, "recordsPending" | "recordsDropped">;
  /** A call whose end this process has found, or brought about, for one that died: that one may have told nobody. */
  readonly recovered?: (callSid: CallSid) => void;
}

export interface RecordWriterSettings {
  readonly node: string;
  readonly prices: PriceTable;
  readonly redact: Redact;
}

export interface RecordWriterHealth {
  readonly database: boolean;
  readonly disk: boolean;
  /** Calls of which the database lacks something. */
  readonly pending: number;
}

/**
 * Takes what calls tell and brings it into the database, exactly once, whatever happens in between. `write` only puts the event into a
 * queue; from there it goes to memory that outlives this process within 250 ms (the end of a call or of a transfer at once), to the journal on disk within a
 * second and to the database in batches. A call waits for none of them.
 *
 * Database away: the journal holds it. Disk full: memory holds it, and the database gets it. Both: memory holds it, up to its
 * limits, and what then is lost is counted. How a killed process's calls are found: `docs/records.md`.
 */
export class RecordWriter implements CallJournal {
  readonly #ports: RecordWriterPorts;
  readonly #settings: RecordWriterSettings;
  readonly #calls = new Map<CallSid, LiveCall>();
  /** Ended calls that only the journal on disk has. */
  readonly #spooledOnly = new Set<CallSid>();
  #queue: SpoolEntry[] = [];
  #unspooled: SpoolPiece[] = [];
  #orphans: OrphanSpool[] = [];
  #seq = 0;
  #spooledSeq = 0;
  #firstSpooledOnly = Number.POSITIVE_INFINITY;
  #diskUp = true;
  #databaseUp = true;
  #databaseUpSinceMs: number;
  #nextSaveMs = 0;
  #retryMs = FIRST_RETRY_MS;
  #closed = false;
  readonly #timers = new Map<string, Timer>();
  /** When each of them goes off. */
  readonly #armedMs = new Map<string, number>();
  readonly #running = new Map<string, Promise<void>>();

  constructor(ports: RecordWriterPorts, settings: RecordWriterSettings) {
    this.#ports = ports;
    this.#settings = settings;
    this.#databaseUpSinceMs = ports.clock.nowMs();
  }

  /** Takes over what processes before this one left behind, and goes on looking for it. Does not wait for the database. */
  start(): void {
    this.#soon("heartbeat", 0);
    this.#soon("recover", 0);
  }

  write(callSid: CallSid, event: RecordEvent): void {
    if (this.#closed || this.#queue.length >= MAX_QUEUE) {
      this.#ports.metrics.recordsDropped.add(1);
      return;
    }
    this.#seq += 1;
    this.#queue.push({ seq: this.#seq, callSid, event });
    if (event.type === "ended" || event.type === "transfer_outcome") this.#takeQueue();
    else if (this.#queue.length === 1) this.#soon("take", HOLD_EVERY_MS);
  }

  /** What this process knows of a call, priced; null when the database knows more. */
  record(callSid: CallSid): CallRecord | null {
    this.#takeQueue();
    const record = this.#calls.get(callSid)?.record ?? null;
    return record === null ? null : this.#finish(record);
  }

  health(): RecordWriterHealth {
    return { database: this.#databaseUp, disk: this.#diskUp, pending: this.#pendingCalls() };
  }

  /** Brings all that was written into journal and database now. Rejects when the database is away. */
  async flush(): Promise<void> {
    await this.#spoolNow();
    for (const call of this.#calls.values()) if (call.pending.length > 0) call.dueMs = 0;
    this.#nextSaveMs = 0;
    await this.#save();
    if (!this.#databaseUp)
      throw new RelayError("store_unavailable", "the database is away", { retryable: true });
  }

  /** Writes what is left, then stops. What the database does not take waits on disk for the next process. */
  async close(): Promise<void> {
    if (this.#closed) return;
    for (const timer of this.#timers.values()) timer.cancel();
    await Promise.all(this.#running.values());
    try {
      await this.flush();
      if (this.#pendingCalls() === 0)
        await this.#ports.store.forgetWriter(this.#ports.spool.writer);
    } catch (error) {
      this.#ports.log.warn(
        "records wait on disk for the next start",
        { calls: this.#pendingCalls() },
        error,
      );
    }
    this.#closed = true;
    for (const timer of this.#timers.values()) timer.cancel();
    await Promise.all(this.#running.values());
    await this.#release();
    await this.#ports.spool.close();
  }

  // --- queue → memory and disk --------------------------------------------------------------------------

  /** @param isSpooledNow  what is taken is about to be appended: no timer has to see to it. */
  #takeQueue(isSpooledNow = false): void {
    if (this.#queue.length === 0) return;
    const taken = this.#queue;
    this.#queue = [];
    for (const [i, raw] of taken.entries()) {
      const event = redactEvent(raw.event, this.#settings.redact);
      if (event !== raw.event) taken[i] = { ...raw, event };
    }
    const piece = spoolPiece(taken);
    this.#unspooled.push(piece);
    const isHeld = this.#ports.spool.hold(piece);
    if (!isSpooledNow) this.#soon("spool", isHeld ? SPOOL_EVERY_MS : SPOOL_UNHELD_MS);
    const nowMs = this.#ports.clock.nowMs();
    let soonestMs = this.#spooledOnly.size > 0 ? nowMs : Number.POSITIVE_INFINITY;
    for (const entry of taken) {
      // Its older events are in the journal only, and must come first.
      if (this.#spooledOnly.has(entry.callSid)) continue;
      let call = this.#calls.get(entry.callSid);
      if (call === undefined) {
        call = new LiveCall(entry.callSid, this.#ports.spool.writer, entry.event);
        this.#calls.set(entry.callSid, call);
      }
      call.apply(entry);
      const dueMs = isUrgent(entry.event) || call.needsLookup ? nowMs : liveSaveMs(nowMs);
      call.dueMs = Math.min(call.dueMs ?? Number.POSITIVE_INFINITY, dueMs);
      soonestMs = Math.min(soonestMs, call.dueMs);
    }
    if (soonestMs < Number.POSITIVE_INFINITY)
      this.#soon("save", Math.max(soonestMs - nowMs, SAVE_EVERY_MS));
  }

  async #spoolNow(): Promise<void> {
    this.#takeQueue(true);
    await this.#once("spool", async () => await this.#spool());
  }

  async #spool(): Promise<void> {
    this.#takeQueue(true);
    while (this.#unspooled.length > 0) {
      const pieces = this.#firstUnspooled(1_000);
      try {
        await this.#ports.spool.append(pieces);
      } catch (error) {
        if (this.#diskUp)
          this.#ports.log.error("the disk takes no records; memory holds them", {}, error);
        this.#diskUp = false;
        this.#shedUnspooled();
        this.#soon("spool", 1_000);
        break;
      }
      if (!this.#diskUp) this.#ports.log.info("the disk takes records again");
      this.#diskUp = true;
      this.#unspooled.splice(0, pieces.length);
      this.#spooledSeq = lastOf(pieces)?.seq ?? this.#spooledSeq;
    }
  }

  /** Whole pieces, oldest first, with some `entries` together. */
  #firstUnspooled(entries: number): readonly SpoolPiece[] {
    let sum = 0;
    const more = this.#unspooled.findIndex((piece) => {
      sum += piece.entries.length;
      return sum >= entries;
    });
    return this.#unspooled.slice(0, more === -1 ? undefined : more + 1);
  }

  /** A disk that takes nothing: entries that the database has need no journal any more. */
  #shedUnspooled(): void {
    const low = this.#lowestPendingSeq();
    const isNeeded = (entry: SpoolEntry): boolean =>
      entry.seq >= low || this.#spooledOnly.has(entry.callSid);
    this.#unspooled = this.#unspooled.filter((piece) => piece.entries.some(isNeeded));
    let over = this.#unspooled.reduce((sum, piece) => sum + piece.entries.length, -MAX_UNSPOOLED);
    let shed = 0;
    let lost = 0;
    for (; over > 0; shed++) {
      const { entries } = this.#unspooled[shed]!;
      over -= entries.length;
      // What is in memory still reaches the database; only that of calls that left memory is gone.
      lost += entries.filter((entry) => this.#spooledOnly.has(entry.callSid)).length;
    }
    this.#unspooled.splice(0, shed);
    if (lost > 0) this.#ports.metrics.recordsDropped.add(lost);
  }

  // --- memory → database --------------------------------------------------------------------------------

  async #save(): Promise<void> {
    await this.#once("save", async () => {
      const { clock } = this.#ports;
      while (clock.nowMs() >= this.#nextSaveMs) {
        const nowMs = clock.nowMs();
        const due: LiveCall[] = [];
        for (const call of this.#calls.values()) {
          if (call.dueMs !== null && call.dueMs <= nowMs) due.push(call);
          if (due.length === CALLS_A_BATCH) break;
        }
        if (due.length === 0 && this.#spooledOnly.size === 0) break;
        try {
          if (due.length > 0) await this.#saveBatch(due);
          else if (!(await this.#replaySpooled())) break;
          this.#up();
        } catch (error) {
          this.#down(error);
        }
      }
      await this.#release();
      this.#ports.metrics.recordsPending.set(this.#pendingCalls());
      this.#armSave();
    });
  }

  #armSave(): void {
    let dueMs = this.#spooledOnly.size > 0 ? 0 : Number.POSITIVE_INFINITY;
    for (const call of this.#calls.values())
      if (call.dueMs !== null) dueMs = Math.min(dueMs, call.dueMs);
    if (dueMs === Number.POSITIVE_INFINITY) return;
    const waitMs = Math.max(dueMs, this.#nextSaveMs) - this.#ports.clock.nowMs();
    this.#soon("save", Math.max(waitMs, SAVE_EVERY_MS));
  }

  async #saveBatch(calls: readonly LiveCall[]): Promise<void> {
    const unknown = calls.filter((call) => call.needsLookup);
    if (unknown.length > 0) await this.#lookUp(unknown);
    const ready = calls.filter((call) => !call.needsLookup);
    const saves = ready.map((call) => call.save((record) => this.#finish(record)));
    try {
      await this.#saveAll(ready, saves);
    } catch (error) {
      if (!(error instanceof RelayError) || error.retryable) throw error;
      // One of them is refused for what is in it: the others must not wait for it.
      for (const [i, call] of ready.entries()) await this.#saveAlone(call, saves[i]!);
    }
  }

  async #saveAll(calls: readonly LiveCall[], saves: readonly CallSave[]): Promise<void> {
    const outcomes = await this.#ports.store.save(saves);
    const conflicts: LiveCall[] = [];
    for (const [i, call] of calls.entries()) {
      if (outcomes[i] === "conflict") conflicts.push(call);
      else if (outcomes[i] === "deleted") this.#calls.delete(call.callSid);
      else this.#saved(call, saves[i]!);
    }
    if (conflicts.length === 0) return;
    const stored = await this.#ports.store.loadMany(conflicts.map((call) => call.callSid));
    for (const call of conflicts) {
      call.rebase(stored.get(call.callSid) ?? null);
      if (call.pending.length === 0) this.#settle(call);
    }
  }

  async #saveAlone(call: LiveCall, save: CallSave): Promise<void> {
    try {
      await this.#saveAll([call], [save]);
    } catch (error) {
      if (!(error instanceof RelayError) || error.retryable) throw error;
      call.refusals += 1;
      call.dueMs = this.#ports.clock.nowMs() + LOOKUP_EVERY_MS;
      if (call.refusals < REFUSALS) return;
      this.#ports.log.error(
        "the database refuses a record; it is set aside",
        { call_sid: call.callSid },
        error,
      );
      await this.#ports.spool.quarantine(call.callSid, JSON.stringify(save.record));
      this.#ports.metrics.recordsDropped.add(call.pending.length);
      this.#calls.delete(call.callSid);
    }
  }

  /** Calls that this process has not seen begin: a callback to another node, a transfer that came back. */
  async #lookUp(calls: readonly LiveCall[]): Promise<void> {
    const stored = await this.#ports.store.loadMany(calls.map((call) => call.callSid));
    for (const call of calls) {
      const found = stored.get(call.callSid);
      const begins = call.pending.some((entry) => entry.event.type === "opened");
      if (found !== undefined || begins) {
        call.rebase(found ?? null);
        continue;
      }
      call.misses += 1;
      call.dueMs = this.#ports.clock.nowMs() + LOOKUP_EVERY_MS;
      if (call.misses < LOOKUPS) continue;
      this.#ports.log.warn("events of a call that is not known", { call_sid: call.callSid });
      this.#ports.metrics.recordsDropped.add(call.pending.length);
      this.#calls.delete(call.callSid);
    }
  }

  #saved(call: LiveCall, save: CallSave): void {
    call.saved(save);
    this.#settle(call);
  }

  #settle(call: LiveCall): void {
    call.dueMs =
      call.pending.length === 0 ? null : Math.max(call.dueMs ?? 0, this.#ports.clock.nowMs());
    if (call.isDone) this.#calls.delete(call.callSid);
  }

  #up(): void {
    const { clock, log } = this.#ports;
    if (!this.#databaseUp)
      log.info("the database is back", { calls_waiting: this.#pendingCalls() });
    if (!this.#databaseUp) this.#databaseUpSinceMs = clock.nowMs();
    this.#databaseUp = true;
    this.#retryMs = FIRST_RETRY_MS;
  }

  #down(error: unknown): void {
    const { clock, log } = this.#ports;
    if (this.#databaseUp)
      log.error("the database is away; the journal on disk holds the records", {}, error);
    this.#databaseUp = false;
    this.#nextSaveMs = clock.nowMs() + this.#retryMs;
    this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
    this.#holdLess();
  }

  /** The database is away for long: ended calls that are on disk leave the memory, oldest first. */
  #holdLess(): void {
    if (!this.#diskUp) return;
    const ended = [...this.#calls.values()].filter((call) => {
      const last = call.pending.at(-1);
      return call.record?.state === "ended" && last !== undefined && last.seq <= this.#spooledSeq;
    });
    for (const call of ended.slice(0, Math.max(0, ended.length - MAX_HELD))) {
      this.#firstSpooledOnly = Math.min(this.#firstSpooledOnly, call.pending[0]!.seq);
      this.#spooledOnly.add(call.callSid);
      this.#calls.delete(call.callSid);
    }
  }

  /** Calls that only the journal has. False: some of their entries are not in the journal yet. */
  async #replaySpooled(): Promise<boolean> {
    const { store, spool } = this.#ports;
    let readTo = this.#firstSpooledOnly - 1;
    while (readTo < this.#spooledSeq) {
      const upTo = this.#spooledSeq;
      for await (const piece of spool.read(readTo + 1)) {
        const wanted = piece.filter((entry) => this.#spooledOnly.has(entry.callSid));
        await replay(store, spool.writer, wanted, (record) => this.#finish(record));
      }
      readTo = upTo;
    }
    if (
      this.#unspooled.some(({ entries }) =>
        entries.some(({ callSid }) => this.#spooledOnly.has(callSid)),
      )
    )
      return false;
    this.#spooledOnly.clear();
    this.#firstSpooledOnly = Number.POSITIVE_INFINITY;
    return true;
  }

  // --- what other processes left ------------------------------------------------------------------------

  /** One round: journals of dead processes of this machine, then calls of silent writers of any. */
  async recover(): Promise<void> {
    const { store, spool, log, clock } = this.#ports;
    try {
      this.#orphans.push(...(await spool.orphans()));
      for (let orphan = this.#orphans[0]; orphan !== undefined; orphan = this.#orphans[0]) {
        const lost = await this.#recoverOrphan(orphan);
        this.#orphans.shift();
        log.info("took over the records of a process that is gone", {
          writer: orphan.writer,
          failed_calls: lost,
        });
      }
      // A database that was away has had no heartbeats: give everybody the time to show life again.
      if (clock.nowMs() - this.#databaseUpSinceMs < LOST_AFTER_MS) return;
      const abandoned = await store.abandonedCalls(LOST_AFTER_MS, 1_000);
      const others = (owner: string) => owner !== spool.writer;
      const lost = await finalise(store, abandoned, others, (record) => this.#finish(record));
      this.#tell(lost);
      if (lost.length > 0)
        log.warn("ended the calls of processes that show no life", { failed_calls: lost.length });
    } catch (error) {
      log.warn("taking over records has to wait", {}, error);
    }
  }

  async #recoverOrphan(orphan: OrphanSpool): Promise<number> {
    const { store } = this.#ports;
    const finish = (record: CallRecord) => this.#finish(record);
    for await (const piece of orphan.read())
      this.#tell(await replay(store, orphan.writer, piece, finish));
    const live = await store.liveCallsOf(orphan.writer);
    const lost = await finalise(store, live, (owner) => owner === orphan.writer, finish);
    await store.forgetWriter(orphan.writer);
    this.#tell(lost);
    await orphan.remove();
    return lost.length;
  }

  #tell(ended: readonly CallSid[]): void {
    for (const callSid of ended) this.#ports.recovered?.(callSid);
  }

  async #heartbeat(): Promise<void> {
    const { store, spool, log } = this.#ports;
    try {
      await spool.beat();
    } catch (error) {
      log.warn("the journal's mark could not be touched", {}, error);
    }
    try {
      await store.heartbeat(spool.writer, this.#settings.node);
      this.#up();
    } catch (error) {
      this.#down(error);
    }
  }

  // --- odds ---------------------------------------------------------------------------------------------

  #finish(record: CallRecord): CallRecord {
    return priced(record, this.#settings.prices);
  }

  #pendingCalls(): number {
    let count = this.#spooledOnly.size;
    for (const call of this.#calls.values()) if (call.pending.length > 0) count += 1;
    return count;
  }

  #lowestPendingSeq(): number {
    let low = Math.min(this.#firstSpooledOnly, this.#seq + 1);
    for (const call of this.#calls.values()) low = Math.min(low, call.pending[0]?.seq ?? low);
    return low;
  }

  async #release(): Promise<void> {
    const queued = this.#queue[0]?.seq ?? Number.POSITIVE_INFINITY;
    const unspooled = this.#unspooled[0]?.entries[0]?.seq ?? Number.POSITIVE_INFINITY;
    if (this.#running.has("spool")) return;
    try {
      await this.#ports.spool.release(Math.min(this.#lowestPendingSeq(), queued, unspooled));
    } catch (error) {
      this.#ports.log.warn("a piece of the journal could not be deleted", {}, error);
    }
  }

  /** Arms the timer of a kind of work unless it is armed already, for as soon or sooner. */
  #soon(work: "take" | "spool" | "save" | "heartbeat" | "recover", ms: number): void {
    const dueMs = this.#ports.clock.nowMs() + ms;
    if (this.#closed || (this.#armedMs.get(work) ?? Number.POSITIVE_INFINITY) <= dueMs) return;
    this.#timers.get(work)?.cancel();
    this.#armedMs.set(work, dueMs);
    const run = () => {
      this.#timers.delete(work);
      this.#armedMs.delete(work);
      if (this.#closed) return;
      switch (work) {
        case "take":
          this.#takeQueue();
          break;
        case "spool":
          void this.#spoolNow();
          break;
        case "save":
          void this.#save();
          break;
        case "heartbeat":
          void this.#once(work, async () => await this.#heartbeat());
          this.#soon(work, HEARTBEAT_MS);
          break;
        case "recover":
          void this.#once(work, async () => await this.recover());
          this.#soon(work, RECOVER_EVERY_MS);
          break;
      }
    };
    this.#timers.set(work, this.#ports.clock.after(ms, run));
  }

  /** Runs a kind of work after what runs of it already. `run` itself deals with every failure that can be dealt with. */
  async #once(work: string, run: () => Promise<void>): Promise<void> {
    const before = this.#running.get(work) ?? Promise.resolve();
    const after = before.then(run).catch((error: unknown) => {
      this.#ports.log.error("records: an unexpected failure", { work }, error);
    });
    this.#running.set(work, after);
    await after;
    if (this.#running.get(work) === after) this.#running.delete(work);
  }
}

function liveSaveMs(nowMs: number): number {
  return Math.ceil((nowMs + LIVE_SAVE_MS) / LIVE_SAVE_STEP_MS) * LIVE_SAVE_STEP_MS;
}

/** What others look for at once: a call's beginning, transfer, recording and end. */
function isUrgent(event: RecordEvent): boolean {
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

function lastOf(pieces: readonly SpoolPiece[]): SpoolEntry | undefined {
  return pieces.at(-1)?.entries.at(-1);
}
