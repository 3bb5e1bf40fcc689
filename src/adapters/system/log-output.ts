/** The standard output, as the log uses it: what does not read it must not hold up the calls. */
import type { Clock } from "../../ports/clock.js";
import { systemClock } from "./system-clock.js";

/**
 * What of process.stdout is used. A pipe or a socket never waits: what is not taken is kept. Node
 * writes to a terminal and to a file at once, so a relay that carries calls belongs on a pipe.
 */
export interface OutputStream {
  /** Bytes that are kept. */
  readonly writableLength: number;
  write(text: string): unknown;
  on(event: "error", run: (error: Error) => void): unknown;
}

/** Minutes of a busy relay. Lines beyond it are lost: memory is for calls. */
const MAX_WAITING_BYTES = 1024 * 1024;
/** After a write that failed, for example on a full disk. Lines until then are lost. */
const RETRY_MS = 1_000;

/**
 * Writes lines of the log. A pipe whose reader has stopped, such as a stalled log driver, takes no
 * more. A write that waits for it would silence all calls.
 */
export class LogOutput {
  readonly #stream: OutputStream;
  readonly #clock: Pick<Clock, "nowMs" | "epochMs">;
  #lost = 0;
  #retryAtMs = Number.NEGATIVE_INFINITY;

  constructor(stream: OutputStream, clock: Pick<Clock, "nowMs" | "epochMs"> = systemClock) {
    this.#stream = stream;
    this.#clock = clock;
    // Its reader has gone, or the disk is full. Calls go on.
    stream.on("error", () => {
      this.#retryAtMs = this.#clock.nowMs() + RETRY_MS;
    });
  }

  write(line: string): void {
    if (this.#clock.nowMs() < this.#retryAtMs || this.#stream.writableLength > MAX_WAITING_BYTES) {
      this.#lost++;
      return;
    }
    if (this.#lost > 0) {
      const msg = "log: lines lost, because the output did not take them";
      const time = new Date(this.#clock.epochMs()).toISOString();
      this.#stream.write(`${JSON.stringify({ level: "warn", time, lines: this.#lost, msg })}\n`);
      this.#lost = 0;
    }
    this.#stream.write(line);
  }
}

let output: LogOutput | null = null;

/** Of this process. */
export function standardOutput(): LogOutput {
  output ??= new LogOutput(process.stdout);
  return output;
}
