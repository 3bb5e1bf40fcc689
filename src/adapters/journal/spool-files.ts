import { randomBytes } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { CallSid } from "../../domain/ids.js";
import type { OrphanSpool, Spool, SpoolBatch, SpoolEntry } from "../../ports/spool.js";
import type { WriterId } from "../../ports/store.js";
import { ShmJournal } from "./shm-journal.js";
import { SHARED_MEMORY, ShmRoot } from "./shm-root.js";
import { OrphanFinder, QUARANTINE } from "./spool-orphans.js";
import { touchOwner, writeOwner } from "./spool-owner.js";
import { SegmentFiles } from "./spool-segments.js";

/** Beyond this the journal counts as a full disk: the database has been away for very long. */
const MAX_BYTES = 2 * 1024 * 1024 * 1024;

export interface SpoolOptions {
  /** The wall clock: tells how long another machine's process has been silent. */
  readonly epochMs: () => number;
  /** Limit of the journal on disk; 2 GiB unless set. */
  readonly maxBytes?: number;
  /** Directory whose files are kept in memory; `/dev/shm` unless set. */
  readonly memory?: string;
  /**
   * Called once with the reason when shared memory cannot be used. A SIGKILL then loses what the
   * disk does not have yet.
   */
  readonly noMemory?: (error: unknown) => void;
}

/**
 * The journal on disk: `<root>/<writer>/000001.jsonl`, one directory per process and one event per
 * line. Only the owner can read the files (0600): they contain what was said.
 *
 * Where shared memory exists, a write-ahead buffer (`ShmJournal`) keeps an event until the disk has
 * it. Appending is one `write` call, after which the kernel has the lines. There is no fsync, so a
 * power cut may lose the last seconds.
 */
export class SpoolFiles implements Spool {
  readonly writer: WriterId;
  readonly #root: string;
  readonly #directory: string;
  readonly #epochMs: () => number;
  readonly #segments: SegmentFiles;
  readonly #orphans: OrphanFinder;
  readonly #memory: ShmRoot | null;
  #buffer: ShmJournal | null;
  readonly #noMemory: (error: unknown) => void;
  /** The last entry in the buffer, and the last one that the disk or the database has. */
  #bufferedSeq = 0;
  #safeSeq = 0;
  /** Appending, deleting and closing run one after the other. */
  #work: Promise<unknown> = Promise.resolve();

  private constructor(
    root: string,
    writer: WriterId,
    { root: memory, buffer }: SharedMemory,
    options: SpoolOptions,
  ) {
    this.#root = root;
    this.writer = writer;
    this.#directory = join(root, writer);
    this.#epochMs = options.epochMs;
    this.#noMemory = options.noMemory ?? (() => undefined);
    this.#segments = new SegmentFiles(this.#directory, options.maxBytes ?? MAX_BYTES);
    this.#memory = memory;
    this.#buffer = buffer;
    this.#orphans = new OrphanFinder(root, writer, memory, options.epochMs);
  }

  /** @param name  node and worker, for people who look into the directory. */
  static async open(root: string, name: string, options: SpoolOptions): Promise<SpoolFiles> {
    const safeName = name.replace(/[^A-Za-z0-9_.-]/g, "_").slice(0, 60);
    const writer = `${safeName}-${randomBytes(6).toString("hex")}`;
    const directory = join(root, writer);
    // Before the directory in memory: a process that finds that one looks here for its owner.
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await writeOwner(directory);
    return new SpoolFiles(root, writer, openMemory(root, writer, options), options);
  }

  get bytes(): number {
    return this.#segments.bytes;
  }

  buffer(batch: SpoolBatch): boolean {
    const last = batch.entries.at(-1);
    if (this.#buffer === null || last === undefined) return false;
    try {
      if (!this.#buffer.append(last.seq, batch.lines())) return false;
      this.#bufferedSeq = last.seq;
      return true;
    } catch (error) {
      this.#loseMemory(error);
      return false;
    }
  }

  /** What is buffered stays until the disk has it. Later entries go to the disk sooner. */
  #loseMemory(error: unknown): void {
    this.#buffer = null;
    this.#noMemory(error);
  }

  async append(batches: readonly SpoolBatch[]): Promise<void> {
    this.#buffer?.switchFiles();
    await this.#inTurn(async () => {
      await this.#segments.append(batches);
      this.#discardBuffered(batches.at(-1)?.entries.at(-1)?.seq ?? 0);
    });
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#work.then(work);
    // The next caller starts even when this one fails. The failure reaches the caller of this one.
    this.#work = done.catch(() => undefined);
    await done;
  }

  #discardBuffered(seq: number): void {
    this.#safeSeq = Math.max(this.#safeSeq, seq);
    try {
      this.#buffer?.discardThrough(seq);
    } catch (error) {
      this.#loseMemory(error);
    }
  }

  read(fromSeq: number): AsyncIterable<readonly SpoolEntry[]> {
    return this.#segments.read(fromSeq);
  }

  async discardBelow(seq: number): Promise<void> {
    await this.#inTurn(async () => {
      this.#discardBuffered(seq - 1);
      await this.#segments.discardBelow(seq);
    });
  }

  async orphans(): Promise<readonly OrphanSpool[]> {
    return await this.#orphans.find();
  }

  async heartbeat(): Promise<void> {
    await touchOwner(this.#directory, this.#epochMs());
  }

  async quarantine(callSid: CallSid, json: string): Promise<void> {
    const directory = join(this.#root, QUARANTINE);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await writeFile(join(directory, `${callSid.replace(/\W/g, "_")}.json`), json, { mode: 0o600 });
  }

  /**
   * Removes the directory when the database has everything. Otherwise the next process finds it.
   */
  async close(): Promise<void> {
    await this.#inTurn(async () => {
      await this.#segments.close();
      this.#buffer?.close();
      this.#buffer = null;
      // Entries that both disk and database lack stay in memory.
      if (this.#bufferedSeq <= this.#safeSeq) this.#memory?.remove(this.writer);
      if (this.#segments.isEmpty) await rm(this.#directory, { recursive: true, force: true });
    });
  }
}

interface SharedMemory {
  readonly root: ShmRoot | null;
  readonly buffer: ShmJournal | null;
}

function openMemory(root: string, writer: WriterId, options: SpoolOptions): SharedMemory {
  let shm: ShmRoot | null = null;
  try {
    shm = ShmRoot.open(options.memory ?? SHARED_MEMORY, root);
    return { root: shm, buffer: new ShmJournal(shm, writer) };
  } catch (error) {
    options.noMemory?.(error);
    return { root: shm, buffer: null };
  }
}
