import { createWriteStream, mkdirSync, type Stats, type WriteStream } from "node:fs";
import { type FileHandle, open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { RelayError } from "../../domain/errors.js";
import type { CallSid } from "../../domain/ids.js";
import type { Log } from "../../ports/log.js";
import type { FlightSink } from "../../ports/recorder.js";
import { isMissing } from "./file-errors.js";

/**
 * Limit of what waits for a slow disk, all calls together. Beyond it lines are left out, and their
 * number is written instead.
 */
const MAX_WAITING_CHARS = 64 * 1024 * 1024;
/** Lines are written together: written one at a time they cost more CPU than the call itself. */
const BATCH_CHARS = 64 * 1024;
/** From the first line of a batch to its write. */
const BATCH_MS = 500;
const SUFFIX = ".flight.jsonl";

/**
 * Flight recordings: one file per call, `<directory>/<callSid>.flight.jsonl`. Only the owner can
 * read them (0600).
 */
export class FlightFiles {
  readonly #directory: string;
  readonly #writer: string;
  readonly #log: Log;
  readonly #waiting: Waiting;
  readonly #open = new Set<FlightFile>();

  /** @param writer  identifies this process among those that write to the same directory. */
  constructor(directory: string, writer: string, log: Log, maxWaitingChars = MAX_WAITING_CHARS) {
    this.#directory = directory;
    this.#writer = writer;
    this.#log = log;
    this.#waiting = { chars: 0, limit: maxWaitingChars };
  }

  static fileName(callSid: CallSid): string {
    // The id of a call on a trunk may have hyphens.
    if (!/^[\w-]+$/.test(callSid)) throw new RelayError("internal", "not a call SID");
    return `${callSid}${SUFFIX}`;
  }

  /**
   * Creates the directory. Call it once, before the first call.
   *
   * @throws RelayError config_invalid when the directory cannot be created.
   */
  prepare(): void {
    try {
      mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw new RelayError(
        "config_invalid",
        `RECORDINGS_DIR ${this.#directory} cannot be created`,
        {
          cause: error,
        },
      );
    }
  }

  /** A process that takes the call over later appends to the same file. */
  open(callSid: CallSid): FlightSink {
    const path = join(this.#directory, FlightFiles.fileName(callSid));
    const file = new FlightFile(path, this.#writer, this.#waiting, (error) =>
      this.#log.error("flight recorder: recording broken off", { callSid }, error),
    );
    this.#open.add(file);
    void file.finished.then(() => this.#open.delete(file));
    return file;
  }

  /** Resolves when the recordings that were closed are on disk. */
  async settled(): Promise<void> {
    const closed = [...this.#open].filter((file) => file.closed);
    await Promise.all(closed.map((file) => file.finished));
  }

  /** The lines of a recording so far; null: there is none in this directory. */
  async read(callSid: CallSid): Promise<AsyncIterable<string> | null> {
    const path = join(this.#directory, FlightFiles.fileName(callSid));
    return (await statOrNull(path)) === null ? null : linesOf(path);
  }

  /** Another text for each state of a recording; null: there is none in this directory. */
  async version(callSid: CallSid): Promise<string | null> {
    const found = await statOrNull(join(this.#directory, FlightFiles.fileName(callSid)));
    return found === null ? null : `${found.size}-${found.mtimeMs}`;
  }

  async remove(callSid: CallSid): Promise<void> {
    await rm(join(this.#directory, FlightFiles.fileName(callSid)), { force: true });
  }

  /**
   * Removes the recordings that were last written to before `epochMs`.
   *
   * @returns how many.
   */
  async removeBefore(epochMs: number): Promise<number> {
    let removed = 0;
    for (const name of await this.#names()) {
      const file = join(this.#directory, name);
      const found = await statOrNull(file);
      if (found === null || found.mtimeMs >= epochMs) continue;
      await rm(file, { force: true });
      removed++;
    }
    return removed;
  }

  async #names(): Promise<string[]> {
    try {
      return (await readdir(this.#directory)).filter((name) => name.endsWith(SUFFIX));
    } catch (error) {
      // No call was ever recorded.
      if (isMissing(error)) return [];
      throw error;
    }
  }
}

/** The file is open while it is being read, and not before. A file that has gone has no lines. */
async function* linesOf(path: string): AsyncGenerator<string> {
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (error) {
    if (isMissing(error)) return;
    throw error;
  }
  const input = file.createReadStream();
  let failure: Error | null = null;
  input.once("error", (error) => {
    failure = error;
  });
  try {
    yield* createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
    if (failure !== null) throw failure;
  } finally {
    input.destroy();
  }
}

/** Null when the file is gone: every worker of a machine enforces retention. */
async function statOrNull(file: string): Promise<Stats | null> {
  try {
    return await stat(file);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** What waits for the disk, all files together, in UTF-16 units. Nearly all of it is ASCII. */
interface Waiting {
  chars: number;
  readonly limit: number;
}

class FlightFile implements FlightSink {
  /** Resolves when everything is written, or when writing has failed. */
  readonly finished: Promise<void>;
  readonly #stream: WriteStream;
  /** Written before each batch. */
  readonly #head: string;
  /** Before the first batch: a process that was killed may have left a line without its end. */
  #before = "\n";
  readonly #waiting: Waiting;
  #lines = "";
  #leftOut = 0;
  #timer: NodeJS.Timeout | null = null;
  #broken = false;

  constructor(path: string, writer: string, waiting: Waiting, onBroken: (error: Error) => void) {
    // While a call moves from one process to another, both may write to the file.
    this.#head = `${JSON.stringify({ at: 0, is: "writer", writer })}\n`;
    this.#waiting = waiting;
    this.#stream = createWriteStream(path, { flags: "a", mode: 0o600 });
    this.finished = new Promise((resolve) => this.#stream.once("close", resolve));
    this.#stream.once("error", (error) => {
      this.#broken = true;
      this.#waiting.chars -= this.#lines.length;
      this.#lines = "";
      this.#flush();
      onBroken(error);
    });
  }

  get closed(): boolean {
    return this.#broken || this.#stream.writableEnded;
  }

  line(json: string): void {
    if (this.closed) return;
    if (this.#waiting.chars > this.#waiting.limit) {
      this.#leftOut++;
      return;
    }
    this.#addLeftOut();
    this.#add(json);
  }

  close(): void {
    if (this.closed) return;
    this.#addLeftOut();
    this.#flush();
    this.#stream.end();
  }

  #addLeftOut(): void {
    if (this.#leftOut > 0)
      this.#add(JSON.stringify({ at: 0, is: "left_out", lines: this.#leftOut }));
    this.#leftOut = 0;
  }

  #add(line: string): void {
    this.#waiting.chars += line.length + 1;
    this.#lines += `${line}\n`;
    if (this.#lines.length >= BATCH_CHARS) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), BATCH_MS);
  }

  #flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const { length } = this.#lines;
    if (length === 0) return;
    this.#stream.write(this.#before + this.#head + this.#lines, () => {
      this.#waiting.chars -= length;
    });
    this.#before = "";
    this.#lines = "";
  }
}
