import { createWriteStream, mkdirSync, type WriteStream } from "node:fs";
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { RelayError } from "../../domain/errors.js";
import type { CallSid } from "../../domain/ids.js";
import type { Log } from "../../ports/log.js";
import type { FlightSink } from "../../ports/recorder.js";

/** Lines of all calls that wait for a slow disk. Beyond, lines are left out and their number is written instead. */
const MAX_WAITING_CHARS = 64 * 1024 * 1024;
/** Lines go to the disk together: one at a time they cost more than the call. */
const PIECE_CHARS = 64 * 1024;
const PIECE_MS = 500;
const SUFFIX = ".flight.jsonl";

/** Flight recordings: `<directory>/<callSid>.flight.jsonl`, one a call, readable by their owner only. */
export class FlightFiles {
  readonly #directory: string;
  readonly #writer: string;
  readonly #log: Log;
  readonly #waiting: Waiting;
  readonly #open = new Set<FlightFile>();

  /** @param writer  of this process, among those that may write to the same directory. */
  constructor(directory: string, writer: string, log: Log, maxWaitingChars = MAX_WAITING_CHARS) {
    this.#directory = directory;
    this.#writer = writer;
    this.#log = log;
    this.#waiting = { chars: 0, most: maxWaitingChars };
  }

  static fileName(callSid: CallSid): string {
    if (!/^\w+$/.test(callSid)) throw new RelayError("internal", "not a call's sid");
    return `${callSid}${SUFFIX}`;
  }

  /** @throws RelayError config_invalid when nothing can be written there. Once, before calls. */
  prepare(): void {
    try {
      mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw new RelayError("config_invalid", `RECORDINGS_DIR ${this.#directory} cannot be made`, {
        cause: error,
      });
    }
  }

  /** Whoever takes the call up later goes on in the same file. */
  open(callSid: CallSid): FlightSink {
    const path = join(this.#directory, FlightFiles.fileName(callSid));
    const file = new FlightFile(path, this.#writer, this.#waiting, (error) =>
      this.#log.error("a flight recording broke off", { callSid }, error),
    );
    this.#open.add(file);
    void file.over.then(() => this.#open.delete(file));
    return file;
  }

  /** Once what calls have closed is on disk. */
  async settled(): Promise<void> {
    await Promise.all([...this.#open].filter(({ closed }) => closed).map(({ over }) => over));
  }

  async remove(callSid: CallSid): Promise<void> {
    await rm(join(this.#directory, FlightFiles.fileName(callSid)), { force: true });
  }

  /** Removes what was last written to before then. @returns how many. */
  async removeBefore(epochMs: number): Promise<number> {
    let removed = 0;
    for (const name of await this.#names()) {
      const file = join(this.#directory, name);
      const mtimeMs = await lastWrittenMs(file);
      if (mtimeMs === null || mtimeMs >= epochMs) continue;
      await rm(file, { force: true });
      removed++;
    }
    return removed;
  }

  async #names(): Promise<string[]> {
    try {
      return (await readdir(this.#directory)).filter((name) => name.endsWith(SUFFIX));
    } catch (error) {
      // Nothing was ever recorded.
      if (isMissing(error)) return [];
      throw error;
    }
  }
}

/** Null: it has gone meanwhile. Every worker of a machine enforces retention. */
async function lastWrittenMs(file: string): Promise<number | null> {
  try {
    return (await stat(file)).mtimeMs;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

/** What waits for the disk, of all files together, in UTF-16 units: nearly all is ASCII. */
interface Waiting {
  chars: number;
  readonly most: number;
}

class FlightFile implements FlightSink {
  /** Resolves when everything is written, or nothing more can be. */
  readonly over: Promise<void>;
  readonly #stream: WriteStream;
  /** Before each piece. */
  readonly #head: string;
  readonly #waiting: Waiting;
  #lines = "";
  #leftOut = 0;
  #timer: NodeJS.Timeout | null = null;
  #broken = false;

  constructor(path: string, writer: string, waiting: Waiting, broke: (error: Error) => void) {
    // While a call goes from one process to another, both may write.
    this.#head = `${JSON.stringify({ at: 0, is: "writer", writer })}\n`;
    this.#waiting = waiting;
    this.#stream = createWriteStream(path, { flags: "a", mode: 0o600 });
    this.over = new Promise((resolve) => this.#stream.once("close", resolve));
    this.#stream.once("error", (error) => {
      this.#broken = true;
      this.#waiting.chars -= this.#lines.length;
      this.#lines = "";
      this.#flush();
      broke(error);
    });
  }

  get closed(): boolean {
    return this.#broken || this.#stream.writableEnded;
  }

  line(json: string): void {
    if (this.closed) return;
    if (this.#waiting.chars > this.#waiting.most) {
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
    if (this.#lines.length >= PIECE_CHARS) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), PIECE_MS);
  }

  #flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const { length } = this.#lines;
    if (length === 0) return;
    this.#stream.write(this.#head + this.#lines, () => {
      this.#waiting.chars -= length;
    });
    this.#lines = "";
  }
}
