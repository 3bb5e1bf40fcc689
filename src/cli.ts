/**
 * Entry point: `node dist/cli.js serve`, or through `bin/` and `scripts/`. Apart from Node's own
 * options this is the only reader of process.env and of `.env`.
 */
import "./adapters/system/v8-flags.js";
import { existsSync, realpathSync } from "node:fs";
import { createInterface } from "node:readline/promises";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type CliIo, EXIT_FAILED, EXIT_OK } from "./cli/io.js";
import { onStop } from "./cli/process-signals.js";
import { runProgram } from "./cli/program.js";
import type { ConfigFault } from "./config/config-error.js";
import { EnvFileError, readEnvFile } from "./config/env-file.js";
import type { Environment } from "./config/load.js";

/** As shells report a command that Ctrl-C has ended. */
const EXIT_INTERRUPTED = 130;
/** A process that was told to end does not wait longer for a reader of its output. */
const LAST_OUTPUT_MS = 2_000;

/** Runs one command and ends the process with its status. */
export async function main(args: readonly string[]): Promise<never> {
  // The reader of a pipe may go away first (`murelay config schema | head`), a disk may be full, a
  // terminal may be closed. That ends neither a command nor a call.
  let outputFailed = false;
  for (const stream of [process.stdout, process.stderr])
    stream.on("error", ({ code }: NodeJS.ErrnoException) => {
      if (code !== "EPIPE") outputFailed = true;
    });
  const status = await runProgram(args, processIo(readSettingsFile(args)));
  // What was written to a pipe must arrive before the process ends, unless it is not read.
  const written = [process.stdout, process.stderr].map(
    (stream) => new Promise((done) => stream.write("", done)),
  );
  await Promise.race([Promise.all(written), setTimeout(LAST_OUTPUT_MS)]);
  process.exit(status === EXIT_OK && outputFailed ? EXIT_FAILED : status);
}

interface SettingsFile {
  readonly values: Environment;
  readonly notices: readonly string[];
  readonly fault: ConfigFault | null;
}

/** The file that `--settings` names, or `.env` if there is one. */
function readSettingsFile(args: readonly string[]): SettingsFile {
  const i = args.findIndex((arg) => arg === "--settings" || arg.startsWith("--settings="));
  const named =
    i < 0
      ? undefined
      : args[i]?.startsWith("--settings=")
        ? args[i].slice("--settings=".length)
        : args[i + 1];
  const path = named ?? ".env";
  const nothing = { values: {}, notices: [] };
  if (named === undefined && !existsSync(path)) return { ...nothing, fault: null };
  try {
    return { ...readEnvFile(path), fault: null };
  } catch (error) {
    if (!(error instanceof EnvFileError)) throw error;
    return { ...nothing, fault: error.fault };
  }
}

async function ask(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return await terminal.question(question);
  } catch (error) {
    // Ctrl-C or Ctrl-D instead of an answer. Nothing has been done yet.
    if (!(error instanceof Error) || error.name !== "AbortError") throw error;
    console.error();
    process.exit(EXIT_INTERRUPTED);
  } finally {
    terminal.close();
  }
}

function processIo(file: SettingsFile): CliIo {
  // The environment wins over the file.
  const env = { ...file.values, ...process.env };
  return {
    out: (line) => console.log(line),
    err: (line) => console.error(line),
    env,
    notices: file.notices,
    ...(file.fault === null ? {} : { settingsFault: file.fault }),
    colours: process.stdout.isTTY && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb",
    ...(process.stdin.isTTY && process.stdout.isTTY ? { ask } : {}),
    onSignal: (run) => onStop(run),
  };
}

const entry = process.argv[1];
if (
  entry !== undefined &&
  existsSync(entry) &&
  realpathSync(entry) === fileURLToPath(import.meta.url)
)
  await main(process.argv.slice(2));
