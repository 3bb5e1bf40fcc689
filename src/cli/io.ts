import type { ConfigFault } from "../config/config-error.js";
import type { Environment } from "../config/load.js";

/** What a command may use of its process. It is a value, so that tests can replace it. */
export interface CliIo {
  /** One line of result, on stdout. */
  out(line: string): void;
  /** One line about progress or a fault, on stderr. */
  err(line: string): void;
  /** The environment, merged with the settings file. */
  readonly env: Environment;
  /** What is suspicious about the settings file, for example a mistyped name; absent: nothing. */
  readonly notices?: readonly string[];
  /** Why the settings file cannot be used; its name is the file's. Absent: it can. */
  readonly settingsFault?: ConfigFault;
  /** The result goes to a terminal that may show colours. */
  readonly colours?: boolean;
  /** Asks a question on the terminal; absent where there is none. */
  ask?(question: string): Promise<string>;
  /** Stops what a command started: called on SIGTERM and SIGINT, again on each further one. */
  onSignal(run: (signal: string) => void): void;
}

export const EXIT_OK = 0;
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;
