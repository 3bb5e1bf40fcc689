import type { Log } from "../ports/log.js";
import type { Metrics } from "../ports/metrics.js";
import type { Spool, SpoolBatch, SpoolEntry } from "../ports/spool.js";

/** Events in one append: about 300 KB. */
const ENTRIES_PER_APPEND = 1_000;
/** Events that wait for a disk that takes nothing. Beyond this only the database gets them. */
const MAX_WAITING = 50_000;

export interface JournalWriterPorts {
  readonly spool: Spool;
  readonly log: Log;
  readonly metrics: Pick<Metrics, "recordsDropped">;
}

/**
 * Brings batches of events to the journal on disk, in order. Memory keeps them while the disk
 * fails.
 */
export class JournalWriter {
  readonly #ports: JournalWriterPorts;
  #waiting: SpoolBatch[] = [];
  #writtenSeq = 0;
  #diskWorks = true;

  constructor(ports: JournalWriterPorts) {
    this.#ports = ports;
  }

  get diskWorks(): boolean {
    return this.#diskWorks;
  }

  /** The last event that is on disk. */
  get writtenSeq(): number {
    return this.#writtenSeq;
  }

  /** The first event that waits for the disk; infinity when none does. */
  get firstWaitingSeq(): number {
    return this.#waiting[0]?.entries[0]?.seq ?? Number.POSITIVE_INFINITY;
  }

  /** @returns  true when the batch outlives the process already; otherwise write it soon. */
  add(batch: SpoolBatch): boolean {
    this.#waiting.push(batch);
    return this.#ports.spool.buffer(batch);
  }

  someWaiting(isMeant: (entry: SpoolEntry) => boolean): boolean {
    return this.#waiting.some(({ entries }) => entries.some(isMeant));
  }

  /** Writes all that waits. One call at a time. @returns false when the disk takes nothing. */
  async write(): Promise<boolean> {
    const { spool, log } = this.#ports;
    while (this.#waiting.length > 0) {
      const batches = this.#nextBatches();
      try {
        await spool.append(batches);
      } catch (error) {
        if (this.#diskWorks) log.error("records: disk failed, events kept in memory", {}, error);
        this.#diskWorks = false;
        return false;
      }
      if (!this.#diskWorks) log.info("records: disk works again");
      this.#diskWorks = true;
      this.#waiting.splice(0, batches.length);
      this.#writtenSeq = batches.at(-1)?.entries.at(-1)?.seq ?? this.#writtenSeq;
    }
    return true;
  }

  /** Whole batches, oldest first. */
  #nextBatches(): readonly SpoolBatch[] {
    let sum = 0;
    const last = this.#waiting.findIndex((batch) => {
      sum += batch.entries.length;
      return sum >= ENTRIES_PER_APPEND;
    });
    return this.#waiting.slice(0, last === -1 ? undefined : last + 1);
  }

  /**
   * Call this while the disk fails: drops what needs no journal, and the oldest beyond a limit.
   *
   * @param isNeeded  the database does not have the event.
   * @param isLost    no other place has the event: it counts as dropped.
   */
  shed(isNeeded: (entry: SpoolEntry) => boolean, isLost: (entry: SpoolEntry) => boolean): void {
    this.#waiting = this.#waiting.filter((batch) => batch.entries.some(isNeeded));
    let excess = this.#waiting.reduce((sum, batch) => sum + batch.entries.length, -MAX_WAITING);
    let batches = 0;
    let lost = 0;
    for (; excess > 0; batches++) {
      const { entries } = this.#waiting[batches]!;
      excess -= entries.length;
      lost += entries.filter(isLost).length;
    }
    this.#waiting.splice(0, batches);
    if (lost > 0) this.#ports.metrics.recordsDropped.add(lost);
  }
}
