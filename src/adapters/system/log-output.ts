/** The standard output, as the log uses it: what does not read it must not hold up the calls. */
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
  readonly #epochMs: () => number;
  #lost = 0;
  #retryAtMs = 0;

  constructor(stream: OutputStream, epochMs: () => number = systemClock.epochMs) {
    this.#stream = stream;
    this.#epochMs = epochMs;
    // Its reader has gone, or the disk is full. Calls go on.
    stream.on("error", () => {
      this.#retryAtMs = this.#epochMs() + RETRY_MS;
    });
  }

  write(line: string): void {
    const nowMs = this.#epochMs();
    if (nowMs < this.#retryAtMs || this.#stream.writableLength > MAX_WAITING_BYTES) {
      this.#lost++;
      return;
    }
    if (this.#lost > 0) {
      const msg = "log: lines lost, because the output did not take them";
      const time = new Date(nowMs).toISOString();
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
