/**
 * What the record writer asks of a disk: a journal that outlives the process.
 * `adapters/journal/spool-files.ts` implements it.
 */
import type { CallSid } from "../domain/ids.js";
import type { RecordEvent } from "../domain/record-event.js";
import type { WriterId } from "./store.js";

/** One event as a line of the journal. */
export interface SpoolEntry {
  /** 1, 2, 3 … for each writer. */
  readonly seq: number;
  readonly callSid: CallSid;
  readonly event: RecordEvent;
}

/** Entries that are written together. */
export interface SpoolBatch {
  /** At least one, in order. */
  readonly entries: readonly SpoolEntry[];
  /**
   * The entries as lines of the journal, each with its line feed. Written anew each time: a text
   * that waits for the disk grows old, and then stays in memory until the next full collection.
   */
  lines(): string;
}

export interface Spool {
  readonly writer: WriterId;
  /** Size of this process's journal on disk. */
  readonly bytes: number;
  /**
   * Keeps a batch in memory that outlives the process until it is appended or discarded. Never
   * waits for a disk and never throws. False when that was not possible: only `append` saves the
   * batch.
   */
  buffer(batch: SpoolBatch): boolean;
  /**
   * Appends batches to the disk, as a whole or not at all. Resolves when the kernel has them: they
   * then outlive the process, though not a power cut. Rejects when the disk takes nothing. One call
   * at a time.
   */
  append(batches: readonly SpoolBatch[]): Promise<void>;
  /** This process's own entries from `fromSeq` on, in order, in slices of bounded size. */
  read(fromSeq: number): AsyncIterable<readonly SpoolEntry[]>;
  /** Entries below `seq` are in the database. Files that contain nothing else are deleted. */
  discardBelow(seq: number): Promise<void>;
  /** Journals of processes that are gone. Exactly one process finds each and owns it afterwards. */
  orphans(): Promise<readonly OrphanSpool[]>;
  /** Shows that this process is alive, so that no other process takes its journal over. */
  heartbeat(): Promise<void>;
  /** Sets aside a record that the database refuses for its content, for a person to look at. */
  quarantine(callSid: CallSid, json: string): Promise<void>;
  close(): Promise<void>;
}

export interface OrphanSpool {
  readonly writer: WriterId;
  /** As `Spool.read`. A torn last line is left out. */
  read(): AsyncIterable<readonly SpoolEntry[]>;
  /** Call this when everything is in the database. */
  remove(): Promise<void>;
}

export function spoolBatch(entries: readonly SpoolEntry[]): SpoolBatch {
  return { entries, lines: () => entries.map((entry) => `${JSON.stringify(entry)}\n`).join("") };
}
