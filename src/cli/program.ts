/**
 * The command line. Commands are declared in `commands.ts`; each one's module is loaded when it is run, so that
 * `--help` answers at once.
 */
import { Command, CommanderError } from "commander";
import { VERSION } from "../domain/version.js";
import { declareCommands } from "./commands.js";
import { type CliIo, EXIT_OK, EXIT_USAGE } from "./io.js";

/** @returns the exit status: 0 done, 1 failed, 2 wrong usage or settings. */
export async function runProgram(args: readonly string[], io: CliIo): Promise<number> {
  let status = EXIT_OK;
  const program = createProgram(io, args, (ended) => {
    status = ended;
  });
  if (args.length === 0) {
    io.err(program.helpInformation().trimEnd());
    return EXIT_USAGE;
  }
  try {
    await program.parseAsync([...args], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
  }
  return status;
}

/** @param ended  told the exit status of the command that was run. */
export function createProgram(
  io: CliIo,
  args: readonly string[],
  ended: (status: number) => void,
): Command {
  const program = new Command("murelay")
    .description("Relay between Twilio phone calls and the OpenAI Realtime API")
    .version(VERSION, "-V, --version", "print the version")
    .option(
      "--settings <path>",
      "settings file; the environment wins over it (default: .env, if there is one)",
    )
    .showHelpAfterError("(--help explains every flag)")
    .configureOutput({
      writeOut: (text) => io.out(text.trimEnd()),
      writeErr: (text) => io.err(text.trimEnd()),
    })
    .exitOverride();
  declareCommands(program, { io, args, ended });
  return program;
}
