/** What the recorder asks of a disk: the journal that outlives the process. `adapters/spool-files.ts` answers it. Types only. */
import type { CallSid } from "../ports.js";
import type { RecordEvent } from "./record-event.js";
import type { WriterId } from "./store-port.js";

/** One event as a line of the journal. */
export interface SpoolEntry {
  /** 1, 2, 3 … of this writer. */
  readonly seq: number;
  readonly callSid: CallSid;
  readonly event: RecordEvent;
}

export interface Spool {
  readonly writer: WriterId;
  /**
   * Appends entries, whole or not at all. Resolves when the kernel has them: they then outlive the process, though not a power
   * cut. Rejects when the disk takes nothing. One call at a time.
   */
  append(entries: readonly SpoolEntry[]): Promise<void>;
  /** Own entries from `fromSeq` on, in order, a bounded piece at a time. */
  read(fromSeq: number): AsyncIterable<readonly SpoolEntry[]>;
  /** Entries below `seq` are in the database; what holds nothing else is deleted. */
  release(seq: number): Promise<void>;
  /** Journals of processes that are gone. Each is found by one process only, and is this process's from then on. */
  orphans(): Promise<readonly OrphanSpool[]>;
  /** This process lives: nobody else may take its journal. */
  beat(): Promise<void>;
  /** Sets a call aside that the database refuses for what is in it, for a person to look at. */
  quarantine(callSid: CallSid, json: string): Promise<void>;
  close(): Promise<void>;
}

export interface OrphanSpool {
  readonly writer: WriterId;
  /** As `Spool.read`; a torn last line is left out. */
  read(): AsyncIterable<readonly SpoolEntry[]>;
  /** Everything is in the database. */
  remove(): Promise<void>;
}
