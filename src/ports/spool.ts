/** What the recorder asks of a disk: the journal that outlives the process. `adapters/journal/spool-files.ts` answers it. */
import type { CallSid } from "../domain/ids.js";
import type { RecordEvent } from "../domain/record-event.js";
import type { WriterId } from "./store.js";

/** One event as a line of the journal. */
export interface SpoolEntry {
  /** 1, 2, 3 … of this writer. */
  readonly seq: number;
  readonly callSid: CallSid;
  readonly event: RecordEvent;
}

/** Entries that go the same way together. */
export interface SpoolPiece {
  /** At least one, in order. */
  readonly entries: readonly SpoolEntry[];
  /** Them as lines of the journal, each with its line feed. */
  readonly lines: string;
}

export interface Spool {
  readonly writer: WriterId;
  /**
   * Keeps a piece where it outlives the process, at once, until it is appended or released. Never waits for a disk and never
   * throws. False: it could not, and only `append` saves it.
   */
  hold(piece: SpoolPiece): boolean;
  /**
   * Appends pieces, whole or not at all. Resolves when the kernel has them: they then outlive the process, though not a power
   * cut. Rejects when the disk takes nothing. One call at a time.
   */
  append(pieces: readonly SpoolPiece[]): Promise<void>;
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

export function spoolPiece(entries: readonly SpoolEntry[]): SpoolPiece {
  let lines = "";
  for (const entry of entries) lines += `${JSON.stringify(entry)}\n`;
  return { entries, lines };
}
