import { randomBytes } from "node:crypto";
import { write } from "node:fs";
import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import type { CallSid } from "../../domain/ids.js";
import type { OrphanSpool, Spool, SpoolEntry, SpoolPiece } from "../../ports/spool.js";
import type { WriterId } from "../../ports/store.js";
import { lifeOf, ownIdentity, type ProcessIdentity } from "./process-identity.js";
import { SHARED_MEMORY, ShmJournal, ShmRoot } from "./shm-journal.js";

const SEGMENT_BYTES = 4 * 1024 * 1024;
/** Beyond this the journal counts as a full disk: the database has been away for very long. */
const MAX_BYTES = 2 * 1024 * 1024 * 1024;
const ENTRIES_A_PIECE = 256;
const MARK_FILE = "holder.json";
/** A holder on another machine (a shared or moved volume) that has been silent for this long is gone. */
const SILENT_MS = 120_000;

interface Segment {
  readonly path: string;
  lastSeq: number;
  bytes: number;
}

export interface SpoolOptions {
  /** The wall clock, to tell how long another machine's process has been silent. */
  readonly epochMs: () => number;
  /** Bytes on disk at most; 2 GiB unless told. */
  readonly maxBytes?: number;
  /** Where files are kept in memory; `/dev/shm` unless told. */
  readonly memory?: string;
  /** Told, once, why nothing can be held in memory: a SIGKILL then takes what the disk does not have yet. */
  readonly noMemory?: (error: unknown) => void;
}

/**
 * The journal on disk: one directory a process, `<root>/<writer>/000001.jsonl`, an event a line, each segment at most 4 MiB and
 * deleted when the database has all of it. Only the owner may read the files (0600): they hold what was said.
 *
 * Until an event is appended it is held in memory that outlives the process (`last-words.ts`), where there is such memory. An append
 * is one `write`; the kernel has it then. Nothing is fsynced, so a power cut may lose the last seconds.
 */
export class SpoolFiles implements Spool {
  readonly writer: WriterId;
  readonly #root: string;
  readonly #directory: string;
  readonly #maxBytes: number;
  readonly #epochMs: () => number;
  readonly #memory: ShmRoot | null;
  #words: ShmJournal | null;
  readonly #noMemory: (error: unknown) => void;
  /** The last entry that was held, and the last one that the disk or the database has. */
  #heldSeq = 0;
  #safeSeq = 0;
  #segments: Segment[] = [];
  #file: FileHandle | null = null;
  #nextSegment = 1;
  /** Appending, deleting and closing, one after the other. */
  #work: Promise<unknown> = Promise.resolve();

  private constructor(
    root: string,
    writer: WriterId,
    memory: ShmRoot | null,
    words: ShmJournal | null,
    options: SpoolOptions,
  ) {
    this.#root = root;
    this.writer = writer;
    this.#directory = join(root, writer);
    this.#maxBytes = options.maxBytes ?? MAX_BYTES;
    this.#epochMs = options.epochMs;
    this.#noMemory = options.noMemory ?? (() => undefined);
    this.#memory = memory;
    this.#words = words;
  }

  /** @param name  of this process, for people who look into the directory: node and worker. */
  static async open(root: string, name: string, options: SpoolOptions): Promise<SpoolFiles> {
    const writer = `${name.replace(/[^A-Za-z0-9_.-]/g, "_").slice(0, 60)}-${randomBytes(6).toString("hex")}`;
    const directory = join(root, writer);
    // Before anything in memory: whoever finds that looks here for its holder.
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await writeMark(directory);
    let memory: ShmRoot | null = null;
    let words: ShmJournal | null = null;
    try {
      memory = ShmRoot.open(options.memory ?? SHARED_MEMORY, root);
      words = new ShmJournal(memory, writer);
    } catch (error) {
      options.noMemory?.(error);
    }
    return new SpoolFiles(root, writer, memory, words, options);
  }

  hold({ entries, lines }: SpoolPiece): boolean {
    const last = entries.at(-1);
    if (this.#words === null || last === undefined) return false;
    try {
      if (!this.#words.hold(last.seq, lines)) return false;
      this.#heldSeq = last.seq;
      return true;
    } catch (error) {
      this.#loseMemory(error);
      return false;
    }
  }

  /** What is held there already stays until the disk has it; what comes now goes to the disk sooner. */
  #loseMemory(error: unknown): void {
    this.#words = null;
    this.#noMemory(error);
  }

  async append(pieces: readonly SpoolPiece[]): Promise<void> {
    this.#words?.turn();
    await this.#inTurn(async () => await this.#append(pieces));
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#work.then(work);
    // The next in line starts whether or not this one failed; who asked for it hears of the failure.
    this.#work = done.catch(() => undefined);
    await done;
  }

  async #append(pieces: readonly SpoolPiece[]): Promise<void> {
    const last = pieces.at(-1)?.entries.at(-1);
    if (last === undefined) return;
    const bytes = Buffer.from(pieces.map((piece) => piece.lines).join(""));
    const { file, segment } = await this.#current(bytes.length);
    try {
      for (let done = 0; done < bytes.length; ) {
        done += await writeAt(file.fd, bytes, done, segment.bytes + done);
      }
    } catch (error) {
      // Half a piece must not stand: the next append goes to the same place. Taking bytes away works on a full disk.
      await file.truncate(segment.bytes).catch(async () => await this.#closeSegment());
      throw error;
    }
    segment.bytes += bytes.length;
    segment.lastSeq = last.seq;
    this.#letGo(last.seq);
  }

  /** Lines up to `seq` need not be held any more. */
  #letGo(seq: number): void {
    this.#safeSeq = Math.max(this.#safeSeq, seq);
    try {
      this.#words?.release(seq);
    } catch (error) {
      this.#loseMemory(error);
    }
  }

  async #current(bytes: number): Promise<{ readonly file: FileHandle; readonly segment: Segment }> {
    const held = this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
    if (held + bytes > this.#maxBytes)
      throw new Error(`the journal holds ${held} bytes, its limit`);
    const newest = this.#segments.at(-1);
    if (this.#file !== null && newest !== undefined && newest.bytes + bytes <= SEGMENT_BYTES) {
      return { file: this.#file, segment: newest };
    }
    await this.#closeSegment();
    const path = join(this.#directory, `${String(this.#nextSegment).padStart(6, "0")}.jsonl`);
    const file = await open(path, "wx", 0o600);
    this.#nextSegment += 1;
    const segment = { path, lastSeq: 0, bytes: 0 };
    this.#file = file;
    this.#segments.push(segment);
    return { file, segment };
  }

  async #closeSegment(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }

  async *read(fromSeq: number): AsyncGenerator<readonly SpoolEntry[]> {
    for (const segment of [...this.#segments]) {
      if (segment.lastSeq < fromSeq) continue;
      for await (const piece of piecesOf(segment.path)) {
        const wanted = piece.filter((entry) => entry.seq >= fromSeq);
        if (wanted.length > 0) yield wanted;
      }
    }
  }

  async release(seq: number): Promise<void> {
    await this.#inTurn(async () => await this.#release(seq));
  }

  async #release(seq: number): Promise<void> {
    this.#letGo(seq - 1);
    const done = this.#segments.filter((segment) => segment.lastSeq < seq);
    if (done.length === 0) return;
    if (done.includes(this.#segments.at(-1)!)) await this.#closeSegment();
    this.#segments = this.#segments.filter((segment) => segment.lastSeq >= seq);
    for (const segment of done) await rm(segment.path, { force: true });
  }

  async orphans(): Promise<readonly OrphanSpool[]> {
    const found: OrphanSpool[] = [];
    // First: a writer has its directory on disk before the one in memory, and longer.
    const inMemory = this.#memory?.names() ?? [];
    const entries = await readdir(this.#root, { withFileTypes: true });
    for (const entry of entries) {
      if (!entry.isDirectory() || entry.name === this.writer || entry.name === QUARANTINE) continue;
      const path = join(this.#root, entry.name);
      // "dead~heir": the heir's own mark says whether it is still being taken over.
      const [writer = "", heir] = entry.name.split("~");
      if (
        !(await isAbandoned(join(this.#root, heir ?? writer), heir !== undefined, this.#epochMs()))
      )
        continue;
      const claimed = join(this.#root, `${writer}~${this.writer}`);
      try {
        // Of all who try, one rename finds the directory.
        await rename(path, claimed);
      } catch (error) {
        if (isMissing(error)) continue;
        throw error;
      }
      found.push(new OrphanFiles(writer, claimed, this.#memory, writer));
    }
    const onDisk = new Set(entries.map((entry) => entry.name.split("~")[0] ?? ""));
    for (const name of inMemory) found.push(...(await this.#strayWords(name, onDisk)));
    return found;
  }

  /** Last words whose journal on disk was taken over where this memory cannot be seen: on another machine, in another container. */
  async #strayWords(name: string, onDisk: ReadonlySet<string>): Promise<readonly OrphanSpool[]> {
    const [writer = "", heir] = name.split("~");
    if (this.#memory === null || onDisk.has(writer) || heir === this.writer) return [];
    if (heir !== undefined && !(await isAbandoned(join(this.#root, heir), true, this.#epochMs())))
      return [];
    const claimed = `${writer}~${this.writer}`;
    try {
      await this.#memory.move(name, claimed);
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
    return [new OrphanFiles(writer, null, this.#memory, claimed)];
  }

  async beat(): Promise<void> {
    const now = new Date(this.#epochMs());
    await utimes(join(this.#directory, MARK_FILE), now, now);
  }

  async quarantine(callSid: CallSid, json: string): Promise<void> {
    const directory = join(this.#root, QUARANTINE);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await writeFile(join(directory, `${callSid.replace(/\W/g, "_")}.json`), json, { mode: 0o600 });
  }

  /** Removes the directory when the database has everything; else it waits for the next process. */
  async close(): Promise<void> {
    await this.#inTurn(async () => {
      await this.#closeSegment();
      this.#words?.close();
      this.#words = null;
      // What disk and database both lack stays in memory.
      if (this.#heldSeq <= this.#safeSeq) this.#memory?.remove(this.writer);
      if (this.#segments.length === 0) await rm(this.#directory, { recursive: true, force: true });
    });
  }
}

/** Calls that the database refuses are kept here, a file each. */
const QUARANTINE = "quarantine";

class OrphanFiles implements OrphanSpool {
  readonly writer: WriterId;
  /** Null: only the memory has something. */
  readonly #directory: string | null;
  readonly #memory: ShmRoot | null;
  readonly #words: string;

  constructor(writer: WriterId, directory: string | null, memory: ShmRoot | null, words: string) {
    this.writer = writer;
    this.#directory = directory;
    this.#memory = memory;
    this.#words = words;
  }

  async *read(): AsyncGenerator<readonly SpoolEntry[]> {
    let lastSeq = 0;
    if (this.#directory !== null) {
      const names = (await readdir(this.#directory))
        .filter((name) => name.endsWith(".jsonl"))
        .sort();
      for (const name of names) {
        for await (const piece of piecesOf(join(this.#directory, name))) {
          lastSeq = piece.at(-1)?.seq ?? lastSeq;
          yield piece;
        }
      }
    }
    // After those of the disk: of each call the numbers must rise.
    const held = this.#memory?.read(this.#words).flatMap(parseLine) ?? [];
    const newer = held.filter((entry) => entry.seq > lastSeq).sort((a, b) => a.seq - b.seq);
    for (let i = 0; i < newer.length; i += ENTRIES_A_PIECE)
      yield newer.slice(i, i + ENTRIES_A_PIECE);
  }

  async remove(): Promise<void> {
    this.#memory?.remove(this.#words);
    if (this.#directory !== null) await rm(this.#directory, { recursive: true, force: true });
  }
}

/**
 * Not `FileHandle.write`, which takes twice the CPU of the callback's way: 0.26 against 0.12 ms, the wake of the writing thread included.
 *
 * @returns  how many bytes were written.
 */
async function writeAt(
  fd: number,
  bytes: Uint8Array,
  from: number,
  position: number,
): Promise<number> {
  return await new Promise<number>((resolve, reject) => {
    write(fd, bytes, from, bytes.length - from, position, (error, written) => {
      if (error === null) resolve(written);
      else reject(error);
    });
  });
}

/** A line without its end was being written when the process died; nobody was told that it is safe. */
async function* piecesOf(path: string): AsyncGenerator<readonly SpoolEntry[]> {
  const text = await readFile(path, "utf8");
  const lines = text.split("\n");
  lines.pop();
  for (let i = 0; i < lines.length; i += ENTRIES_A_PIECE) {
    yield lines.slice(i, i + ENTRIES_A_PIECE).flatMap(parseLine);
  }
}

function parseLine(line: string): SpoolEntry[] {
  try {
    // Written by `append`, by this or an older version.
    const entry = JSON.parse(line) as SpoolEntry;
    return typeof entry.seq === "number" && typeof entry.callSid === "string" ? [entry] : [];
  } catch {
    // A block that the disk lost in a power cut; what is around it is still good.
    return [];
  }
}

async function writeMark(directory: string): Promise<void> {
  await writeFile(join(directory, MARK_FILE), JSON.stringify(ownIdentity()), { mode: 0o600 });
}

/** @param ifMissing  the answer when there is no such directory. */
async function isAbandoned(
  directory: string,
  ifMissing: boolean,
  epochMs: number,
): Promise<boolean> {
  const path = join(directory, MARK_FILE);
  let life: ReturnType<typeof lifeOf> = "unknown";
  try {
    life = lifeOf(JSON.parse(await readFile(path, "utf8")) as ProcessIdentity);
  } catch (error) {
    // No mark, or half of one: the holder is just starting, or died while it did. Its age decides.
    if (!isMissing(error) && !(error instanceof SyntaxError)) throw error;
  }
  if (life !== "unknown") return life === "dead";
  for (const place of [path, directory]) {
    try {
      return epochMs - (await stat(place)).mtimeMs > SILENT_MS;
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  return ifMissing;
}

function isMissing(error: unknown): boolean {
  return (
    error instanceof Error &&
    "code" in error &&
    (error.code === "ENOENT" || error.code === "ENOTDIR")
  );
}
