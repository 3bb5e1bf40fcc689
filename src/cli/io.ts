import type { Environment } from "../config/load.js";

/** What a command may touch of its process: given as a value, so that tests can look on. */
export interface CliIo {
  /** One line of result, on stdout. */
  out(line: string): void;
  /** One line about the doing, on stderr. */
  err(line: string): void;
  /** The environment with `.env` below it. */
  readonly env: Environment;
  /** Stops what a command started: called on SIGTERM and SIGINT, again on each further one. */
  onSignal(run: (signal: string) => void): void;
}

export const EXIT_OK = 0;
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;
