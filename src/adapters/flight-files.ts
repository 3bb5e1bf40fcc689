import { createWriteStream, mkdirSync } from "node:fs";
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { RelayError } from "../errors.js";
import type { CallSid, FlightSink, Log } from "../ports.js";

/** Lines of all calls that wait for a slow disk. Beyond, lines are left out and their number is written instead. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
const SUFFIX = ".flight.jsonl";

/** Flight recordings: `<directory>/<callSid>.flight.jsonl`, one a call, readable by their owner only. */
export class FlightFiles {
  readonly #directory: string;
  readonly #log: Log;
  readonly #maxWaitingBytes: number;
  #waitingBytes = 0;

  constructor(directory: string, log: Log, maxWaitingBytes = MAX_WAITING_BYTES) {
    this.#directory = directory;
    this.#log = log;
    this.#maxWaitingBytes = maxWaitingBytes;
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
    const stream = createWriteStream(join(this.#directory, FlightFiles.fileName(callSid)), {
      flags: "a",
      mode: 0o600,
    });
    let broken = false;
    let leftOut = 0;
    stream.once("error", (error) => {
      broken = true;
      this.#log.error("a flight recording broke off", { callSid }, error);
    });
    const write = (json: string): void => {
      // UTF-16 units: at least as many as there are waiting to become bytes, for what is nearly all ASCII.
      const { length } = json;
      this.#waitingBytes += length;
      stream.write(`${json}\n`, () => {
        this.#waitingBytes -= length;
      });
    };
    return {
      line: (json) => {
        if (broken || stream.writableEnded) return;
        if (this.#waitingBytes > this.#maxWaitingBytes) {
          leftOut++;
          return;
        }
        if (leftOut > 0) write(leftOutLine(leftOut));
        leftOut = 0;
        write(json);
      },
      close: () => {
        if (broken || stream.writableEnded) return;
        if (leftOut > 0) write(leftOutLine(leftOut));
        stream.end();
      },
    };
  }

  async remove(callSid: CallSid): Promise<void> {
    await rm(join(this.#directory, FlightFiles.fileName(callSid)), { force: true });
  }

  /** Removes what was last written to before then. @returns how many. */
  async removeBefore(epochMs: number): Promise<number> {
    let removed = 0;
    for (const name of await this.#names()) {
      const file = join(this.#directory, name);
      const { mtimeMs } = await stat(file);
      if (mtimeMs >= epochMs) continue;
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
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
      throw error;
    }
  }
}

/** Its time is that of the lines around it. */
function leftOutLine(lines: number): string {
  return JSON.stringify({ at: 0, is: "left_out", lines });
}
