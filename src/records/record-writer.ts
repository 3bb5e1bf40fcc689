import { doublingPauses } from "../domain/backoff.js";
import type { CallRecord } from "../domain/call-record.js";
import { RelayError } from "../domain/errors.js";
import type { CallSid } from "../domain/ids.js";
import type { CallJournal, RecordEvent } from "../domain/record-event.js";
import type { Clock } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import type { Metrics } from "../ports/metrics.js";
import { type Spool, type SpoolEntry, spoolBatch } from "../ports/spool.js";
import type { CallStore } from "../ports/store.js";
import { BackgroundWork } from "./background-work.js";
import { CallSaver, type CallSaverPorts } from "./call-saver.js";
import { type PriceTable, priced } from "./cost.js";
import { JournalWriter } from "./journal-writer.js";
import { OrphanRecovery } from "./orphan-recovery.js";
import { PendingCalls } from "./pending-calls.js";
import { replay } from "./recovery.js";
import type { Redact } from "./redact.js";
import { storableEvent } from "./storable-event.js";

/**
 * From an event to memory that outlives this process: a SIGKILL loses at most this much of a live
 * call. Taking many events at once costs a small part of taking each alone.
 */
const BUFFER_EVERY_MS = 250;
/**
 * From that memory to the journal on disk: what can be lost together with a container or the
 * machine. A write costs 0.1 to 0.4 ms of CPU however small it is, mostly to wake a thread.
 */
const SPOOL_EVERY_MS = 1_000;
/** The same without such memory: soon, and still together when many calls end at once. */
const SPOOL_UNBUFFERED_MS = 50;
/** From a failed write to the disk to the next try. */
const DISK_RETRY_MS = 1_000;
/** Least time between two looks for calls to save. */
const SAVE_EVERY_MS = 1_000;
const CALLS_PER_BATCH = 32;
/** Limit of events between two runs of the timer; 10,000 calls produce fewer. */
const MAX_QUEUE = 100_000;
const HEARTBEAT_MS = 10_000;
const RECOVER_EVERY_MS = 30_000;
/** From a failed access to the database to the next try. */
const databasePause = doublingPauses(250, 5_000);

export interface RecordWriterPorts {
  readonly store: CallStore;
  readonly spool: Spool;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Pick<
    Metrics,
    "recordsPending" | "recordsDropped" | "recordStorageUp" | "spoolBytes"
  >;
  /**
   * Called for each call whose end this process has stored for one that died. The dead process may
   * not have told the customer database.
   */
  readonly recovered?: (callSid: CallSid) => void;
  /** As for CallSaver. */
  readonly inSlices?: NonNullable<CallSaverPorts["inSlices"]>;
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

type Work = "take" | "spool" | "save" | "heartbeat" | "recover";

/**
 * Brings record events into the database, exactly once, whatever happens in between. `write` only
 * puts the event into a queue: calls never wait. From there an event goes to memory that outlives
 * this process (within 250 ms; the end of a call or of a transfer at once), to the journal on disk
 * within a second, and to the database in batches.
 *
 * While the database is away the journal keeps the events. While the disk is full memory keeps
 * them, and the database gets them. While both fail memory keeps them up to its limits; what is
 * lost then is counted. `docs/records.md` says how the calls of a killed process are found.
 */
export class RecordWriter implements CallJournal {
  readonly #ports: RecordWriterPorts;
  readonly #settings: RecordWriterSettings;
  readonly #calls: PendingCalls;
  readonly #journal: JournalWriter;
  readonly #saver: CallSaver;
  readonly #recovery: OrphanRecovery;
  readonly #work: BackgroundWork<Work>;
  #queue: SpoolEntry[] = [];
  #seq = 0;
  #databaseWorks = true;
  #databaseUpSinceMs: number;
  #databaseFailures = 0;
  #nextSaveMs = 0;
  #closed = false;

  constructor(ports: RecordWriterPorts, settings: RecordWriterSettings) {
    this.#ports = ports;
    this.#settings = settings;
    this.#databaseUpSinceMs = ports.clock.nowMs();
    const finish = (record: CallRecord): CallRecord => priced(record, settings.prices);
    this.#calls = new PendingCalls(ports.spool.writer);
    this.#journal = new JournalWriter(ports);
    this.#saver = new CallSaver(ports, this.#calls, finish);
    this.#recovery = new OrphanRecovery(ports, finish);
    this.#work = new BackgroundWork<Work>(ports.clock, ports.log, {
      take: () => this.#takeQueue(),
      spool: () => void this.#spoolNow(),
      save: () => void this.#save(),
      heartbeat: () => {
        void this.#work.inTurn("heartbeat", async () => await this.#heartbeat());
        this.#work.schedule("heartbeat", HEARTBEAT_MS);
      },
      recover: () => {
        void this.#work.inTurn("recover", async () => await this.recover());
        this.#work.schedule("recover", RECOVER_EVERY_MS);
      },
    });
  }

  /** Begins to recover what dead processes left behind. Does not wait for the database. */
  start(): void {
    this.#work.schedule("heartbeat", 0);
    this.#work.schedule("recover", 0);
  }

  write(callSid: CallSid, event: RecordEvent): void {
    if (this.#closed || this.#queue.length >= MAX_QUEUE) {
      this.#ports.metrics.recordsDropped.add(1);
      return;
    }
    this.#seq += 1;
    this.#queue.push({ seq: this.#seq, callSid, event });
    if (event.type === "ended" || event.type === "transfer_outcome") this.#takeQueue();
    else if (this.#queue.length === 1) this.#work.schedule("take", BUFFER_EVERY_MS);
  }

  /**
   * The record of a call as this process knows it, priced; null when the database or another
   * process may know more.
   */
  record(callSid: CallSid): CallRecord | null {
    this.#takeQueue();
    const call = this.#calls.get(callSid);
    const record = call?.knowsMost === true ? call.record : null;
    return record === null ? null : priced(record, this.#settings.prices);
  }

  health(): RecordWriterHealth {
    return {
      database: this.#databaseWorks,
      disk: this.#journal.diskWorks,
      pending: this.#calls.count,
    };
  }

  /** Brings all events into journal and database now. Rejects when the database is away. */
  async flush(): Promise<void> {
    await this.#spoolNow();
    this.#calls.makeAllDue();
    this.#nextSaveMs = 0;
    await this.#save();
    if (!this.#databaseWorks)
      throw new RelayError("store_unavailable", "the database is away", { retryable: true });
  }

  /** One round of recovery: see `OrphanRecovery`. */
  async recover(): Promise<void> {
    await this.#recovery.run(this.#databaseUpSinceMs);
  }

  /** Writes what is left, then stops. The disk keeps what the database does not take. */
  async close(): Promise<void> {
    if (this.#closed) return;
    const { spool, store, log } = this.#ports;
    this.#work.cancelTimers();
    await this.#work.settled();
    try {
      await this.flush();
      if (this.#calls.count === 0) await store.forgetWriter(spool.writer);
    } catch (error) {
      log.warn("records: kept on disk for the next start", { calls: this.#calls.count }, error);
    }
    this.#closed = true;
    this.#work.stop();
    await this.#work.settled();
    await this.#discardSaved();
    await spool.close();
  }

  /** @param isSpooledNow  the caller writes the events to disk: no timer is needed. */
  #takeQueue(isSpooledNow = false): void {
    if (this.#queue.length === 0) return;
    const taken = this.#queue;
    this.#queue = [];
    for (const [i, raw] of taken.entries()) {
      const event = storableEvent(raw.event, this.#settings.redact);
      if (event !== raw.event) taken[i] = { ...raw, event };
    }
    const isBuffered = this.#journal.add(spoolBatch(taken));
    if (!isSpooledNow)
      this.#work.schedule("spool", isBuffered ? SPOOL_EVERY_MS : SPOOL_UNBUFFERED_MS);
    const nowMs = this.#ports.clock.nowMs();
    let dueMs = this.#calls.someOnDiskOnly ? nowMs : Number.POSITIVE_INFINITY;
    for (const entry of taken) dueMs = Math.min(dueMs, this.#calls.add(entry, nowMs) ?? dueMs);
    if (dueMs < Number.POSITIVE_INFINITY)
      this.#work.schedule("save", Math.max(dueMs - nowMs, SAVE_EVERY_MS));
  }

  async #spoolNow(): Promise<void> {
    await this.#work.inTurn("spool", async () => {
      this.#takeQueue(true);
      const isWritten = await this.#journal.write();
      this.#reportHealth();
      if (isWritten) return;
      const low = this.#calls.lowestPendingSeq(this.#seq + 1);
      const isLost = (entry: SpoolEntry) => this.#calls.isOnDiskOnly(entry.callSid);
      this.#journal.shed((entry) => entry.seq >= low || isLost(entry), isLost);
      this.#work.schedule("spool", DISK_RETRY_MS);
    });
  }

  async #save(): Promise<void> {
    await this.#work.inTurn("save", async () => {
      const { clock } = this.#ports;
      let more = true;
      while (more && clock.nowMs() >= this.#nextSaveMs) {
        try {
          more = await this.#saveSome();
          if (more) this.#databaseIsUp();
        } catch (error) {
          this.#databaseIsDown(error);
        }
      }
      await this.#discardSaved();
      this.#reportHealth();
      this.#scheduleSave();
    });
  }

  #reportHealth(): void {
    const { metrics, spool } = this.#ports;
    const { database, disk, pending } = this.health();
    metrics.recordsPending.set(pending);
    metrics.spoolBytes.set(spool.bytes);
    metrics.recordStorageUp.set(Number(database), "database");
    metrics.recordStorageUp.set(Number(disk), "disk");
  }

  /** False when nothing is due. */
  async #saveSome(): Promise<boolean> {
    const due = this.#calls.due(this.#ports.clock.nowMs(), CALLS_PER_BATCH);
    if (due.length > 0) {
      await this.#saver.save(due);
      return true;
    }
    return this.#calls.someOnDiskOnly && (await this.#saveFromDisk());
  }

  #scheduleSave(): void {
    const dueMs = this.#calls.nextDueMs();
    if (dueMs === Number.POSITIVE_INFINITY) return;
    const waitMs = Math.max(dueMs, this.#nextSaveMs) - this.#ports.clock.nowMs();
    this.#work.schedule("save", Math.max(waitMs, SAVE_EVERY_MS));
  }

  /**
   * Saves the calls that only the journal has. False when some of their events are not in the
   * journal yet.
   */
  async #saveFromDisk(): Promise<boolean> {
    const { spool } = this.#ports;
    const isMeant = (entry: SpoolEntry) => this.#calls.isOnDiskOnly(entry.callSid);
    let readTo = this.#calls.firstSeqOnDisk - 1;
    while (readTo < this.#journal.writtenSeq) {
      const upTo = this.#journal.writtenSeq;
      for await (const entries of spool.read(readTo + 1)) {
        const finish = (record: CallRecord) => priced(record, this.#settings.prices);
        await replay(this.#ports, spool.writer, entries.filter(isMeant), finish);
      }
      readTo = upTo;
    }
    if (this.#journal.someWaiting(isMeant)) return false;
    this.#calls.forgetDisk();
    return true;
  }

  #databaseIsUp(): void {
    const { clock, log } = this.#ports;
    if (!this.#databaseWorks) {
      log.info("records: database is back", { pendingCalls: this.#calls.count });
      this.#databaseUpSinceMs = clock.nowMs();
    }
    this.#databaseWorks = true;
    this.#databaseFailures = 0;
  }

  #databaseIsDown(error: unknown): void {
    const { clock, log } = this.#ports;
    if (this.#databaseWorks)
      log.error("records: database is away, events kept in the journal", {}, error);
    this.#databaseWorks = false;
    this.#databaseFailures += 1;
    this.#nextSaveMs = clock.nowMs() + (databasePause(this.#databaseFailures) ?? 0);
    if (this.#journal.diskWorks) this.#calls.moveToDisk(this.#journal.writtenSeq);
  }

  async #heartbeat(): Promise<void> {
    const { store, spool, log } = this.#ports;
    try {
      await spool.heartbeat();
    } catch (error) {
      log.warn("records: heartbeat file not written", {}, error);
    }
    try {
      await store.heartbeat(spool.writer, this.#settings.node);
      this.#databaseIsUp();
    } catch (error) {
      this.#databaseIsDown(error);
    }
    this.#reportHealth();
  }

  /** Deletes the part of the journal that the database has. */
  async #discardSaved(): Promise<void> {
    if (this.#work.isRunning("spool")) return;
    const queued = this.#queue[0]?.seq ?? Number.POSITIVE_INFINITY;
    const pending = this.#calls.lowestPendingSeq(this.#seq + 1);
    try {
      await this.#ports.spool.discardBelow(
        Math.min(pending, queued, this.#journal.firstWaitingSeq),
      );
    } catch (error) {
      this.#ports.log.warn("records: journal segment not deleted", {}, error);
    }
  }
}
