import type { CliIo } from "./io.js";

/** Of `bench`, `--json` names a file. */
export function wantsJson(args: readonly string[]): boolean {
  return args.includes("--json") && !args.includes("bench");
}

/**
 * What a command uses with `--json`. It keeps what the command says of a fault, so that stdout has
 * one JSON document also when the command fails before it has a result.
 */
export class JsonIo implements CliIo {
  readonly env: CliIo["env"];
  readonly notices: readonly string[];
  readonly settingsFault?: NonNullable<CliIo["settingsFault"]>;
  readonly #io: CliIo;
  readonly #problems: string[] = [];
  #hasResult = false;

  // No questions: they would be on stdout, too.
  constructor(io: CliIo) {
    this.#io = io;
    this.env = io.env;
    this.notices = io.notices ?? [];
    if (io.settingsFault !== undefined) this.settingsFault = io.settingsFault;
  }

  out(line: string): void {
    this.#hasResult = true;
    this.#io.out(line);
  }

  err(line: string): void {
    // The key "error" says so already.
    this.#problems.push(line.replace(/^error: /, ""));
    this.#io.err(line);
  }

  onSignal(run: (signal: string) => void): void {
    this.#io.onSignal(run);
  }

  /** The command has failed. */
  failed(): void {
    if (this.#hasResult) return;
    this.#io.out(JSON.stringify({ error: this.#problems.join("\n") || "failed" }, null, 2));
  }
}
