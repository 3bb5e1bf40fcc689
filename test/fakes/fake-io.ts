import type { CliIo } from "../../src/cli/io.js";

/** What a command may use of its process; keeps what the command prints. */
export class FakeIo implements CliIo {
  readonly lines: string[] = [];
  readonly errors: string[] = [];
  readonly env: Readonly<Record<string, string>>;
  readonly #signalled: ((signal: string) => void)[] = [];

  constructor(env: Readonly<Record<string, string>> = {}) {
    this.env = env;
  }

  out(line: string): void {
    this.lines.push(line);
  }

  err(line: string): void {
    this.errors.push(line);
  }

  onSignal(run: (signal: string) => void): void {
    this.#signalled.push(run);
  }

  /** Ctrl-C. */
  interrupt(): void {
    for (const run of this.#signalled) run("SIGINT");
  }

  /** What the command printed on stdout. */
  get text(): string {
    return this.lines.join("\n");
  }
}
