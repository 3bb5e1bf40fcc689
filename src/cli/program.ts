/**
 * The command line. Commands are declared in `commands.ts`; each one's module is loaded when it is
 * run, so that `--help` answers at once.
 */
import { Command, CommanderError } from "commander";
import { VERSION } from "../domain/version.js";
import { declareCommands } from "./commands.js";
import { type CliIo, EXIT_FAILED, EXIT_OK, EXIT_USAGE } from "./io.js";
import { JsonIo, wantsJson } from "./json-io.js";
import { mistypedOption, withoutHelpForUnknown } from "./mistyped-option.js";
import { problemOf } from "./problem-of.js";

/** Commands that read no settings, or that say themselves what is wrong with the settings file. */
const WITHOUT_SETTINGS: ReadonlySet<string> = new Set([
  "completion",
  "config print",
  "config schema",
  "doctor",
  "init",
]);

/** @returns the exit status: 0 done, 1 failed, 2 wrong usage or settings. */
export async function runProgram(args: readonly string[], given: CliIo): Promise<number> {
  if (!wantsJson(args)) return await run(args, given);
  const json = new JsonIo(given);
  const status = await run(args, json);
  if (status !== EXIT_OK) json.failed();
  return status;
}

async function run(args: readonly string[], io: CliIo): Promise<number> {
  let status = EXIT_OK;
  const program = createProgram(io, args, (ended) => {
    status = ended;
  });
  if (args.length === 0) {
    io.err(program.helpInformation().trimEnd());
    return EXIT_USAGE;
  }
  try {
    await program.parseAsync(withoutHelpForUnknown(program, args), { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) {
      const problem = problemOf(error);
      if (problem === null) throw error;
      io.err(problem);
      return EXIT_FAILED;
    }
    if (error.code === "commander.missingMandatoryOptionValue") {
      const mistyped = mistypedOption(program, args);
      if (mistyped !== null) io.err(mistyped);
    }
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
    .exitOverride()
    .hook("preAction", (_, command) => {
      const { settingsFault: fault } = io;
      if (fault === undefined || WITHOUT_SETTINGS.has(pathOf(command))) return;
      const problem = `${fault.name} ${fault.problem}. ${fault.fix}`;
      io.err(problem);
      throw new CommanderError(EXIT_USAGE, "murelay.settings", problem);
    });
  declareCommands(program, { io, args, ended });
  return program;
}

/** "config print". */
function pathOf(command: Command): string {
  const { parent } = command;
  return parent === null || parent.parent === null
    ? command.name()
    : `${pathOf(parent)} ${command.name()}`;
}
