/** The standard output, as the log uses it: what does not read it must not hold up the calls. */
import { systemClock } from "./system-clock.js";

/** What of process.stdout is used. Writing to it never waits: what is not taken is kept. */
export interface OutputStream {
  /** Bytes that are kept. */
  readonly writableLength: number;
  write(text: string): unknown;
  on(event: "error", run: (error: Error) => void): unknown;
}

/** Minutes of a busy relay. Lines beyond it are lost: memory is for calls. */
const MAX_WAITING_BYTES = 1024 * 1024;

/**
 * Writes lines of the log. A pipe whose reader has stopped takes no more: a paused terminal, a
 * stalled log driver. A write that waits for it would silence all calls.
 */
export class LogOutput {
  readonly #stream: OutputStream;
  readonly #epochMs: () => number;
  #lost = 0;
  #broken = false;

  constructor(stream: OutputStream, epochMs: () => number = systemClock.epochMs) {
    this.#stream = stream;
    this.#epochMs = epochMs;
    // Its reader has gone, and calls go on.
    stream.on("error", () => {
      this.#broken = true;
    });
  }

  write(line: string): void {
    if (this.#broken) return;
    if (this.#stream.writableLength > MAX_WAITING_BYTES) {
      this.#lost++;
      return;
    }
    if (this.#lost > 0) {
      const msg = "log: lines lost, because the output was not read";
      const time = new Date(this.#epochMs()).toISOString();
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
