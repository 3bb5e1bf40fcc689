/**
 * Entry point: `node dist/cli.js serve`, or through `bin/` and `scripts/`. The only reader of `.env` and, but for
 * Node's own options, of process.env.
 */
import "./adapters/system/v8-flags.js";
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "dotenv";
import { type CliIo, EXIT_USAGE } from "./cli/io.js";
import { runProgram } from "./cli/program.js";
import type { Environment } from "./config/load.js";

/** Runs one command and ends the process with its status. */
export async function main(args: readonly string[]): Promise<never> {
  // Whoever reads us may go away first (`murelay config schema | head`): no reason to fail, nor to end a call.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", ignoreClosedPipe);
  const env = readEnvironment(args);
  const status = typeof env === "string" ? fault(env) : await runProgram(args, processIo(env));
  // What was written to a pipe must arrive before the process goes.
  await Promise.all(
    [process.stdout, process.stderr].map((stream) => new Promise((done) => stream.write("", done))),
  );
  process.exit(status);
}

/** The environment over the settings file, or what is wrong with the file. */
function readEnvironment(args: readonly string[]): Environment | string {
  const i = args.findIndex((arg) => arg === "--settings" || arg.startsWith("--settings="));
  const named =
    i < 0
      ? undefined
      : args[i]?.startsWith("--settings=")
        ? args[i].slice("--settings=".length)
        : args[i + 1];
  const path = named ?? ".env";
  if (named === undefined && !existsSync(path)) return process.env;
  try {
    return { ...parse(readFileSync(path, "utf8")), ...process.env };
  } catch (error) {
    return `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}

function fault(problem: string): number {
  console.error(problem);
  return EXIT_USAGE;
}

function processIo(env: Environment): CliIo {
  return {
    out: (line) => console.log(line),
    err: (line) => console.error(line),
    env,
    onSignal: (run) => {
      for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => run(signal));
    },
  };
}

const entry = process.argv[1];
if (
  entry !== undefined &&
  existsSync(entry) &&
  realpathSync(entry) === fileURLToPath(import.meta.url)
)
  await main(process.argv.slice(2));
