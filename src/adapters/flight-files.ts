import { createWriteStream } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { RelayError } from "../errors.js";
import type { CallSid, Log } from "../ports.js";

/** Lines that wait for a slow disk, a call. Beyond, lines are left out and their number is written instead. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;

/** One call's flight recording while it is being written. */
export interface FlightSink {
  /** One JSON line, without its end. Never waits and never throws. */
  line(json: string): void;
  close(): void;
}

/** Flight recordings: `<directory>/<callSid>.flight.jsonl`, one a call, readable by their owner only. */
export class FlightFiles {
  readonly #directory: string;
  readonly #log: Log;

  constructor(directory: string, log: Log) {
    this.#directory = directory;
    this.#log = log;
  }

  static fileName(callSid: CallSid): string {
    if (!/^[A-Za-z0-9]+$/.test(callSid)) throw new RelayError("internal", "not a call's sid");
    return `${callSid}.flight.jsonl`;
  }

  /** A second stream of the same call goes on in the same file. */
  async open(callSid: CallSid): Promise<FlightSink> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const stream = createWriteStream(join(this.#directory, FlightFiles.fileName(callSid)), {
      flags: "a",
      mode: 0o600,
    });
    let broken = false;
    let leftOut = 0;
    stream.once("error", (error) => {
      broken = true;
      this.#log.error("a flight recording broke off", { call_sid: callSid }, error);
    });
    return {
      line: (json) => {
        if (broken || stream.writableEnded) return;
        if (stream.writableLength > MAX_WAITING_BYTES) {
          leftOut += 1;
          return;
        }
        if (leftOut > 0) stream.write(`${JSON.stringify({ left_out: leftOut })}\n`);
        leftOut = 0;
        stream.write(`${json}\n`);
      },
      close: () => {
        if (!broken) stream.end();
      },
    };
  }

  async remove(callSid: CallSid): Promise<void> {
    await rm(join(this.#directory, FlightFiles.fileName(callSid)), { force: true });
  }
}
