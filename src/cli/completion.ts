/** Scripts that complete the command line in a shell. */
import type { Argument, Command, Option } from "commander";
import { bash } from "./completion/bash.js";
import { fish } from "./completion/fish.js";
import type { Place, Values } from "./completion/place.js";
import { zsh } from "./completion/zsh.js";
import { type CliIo, EXIT_OK, EXIT_USAGE } from "./io.js";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

export function printCompletion(io: CliIo, program: Command, shell: string | undefined): number {
  const known = SHELLS.find((name) => name === shell);
  if (known === undefined) {
    io.err(`the shell must be one of ${SHELLS.join(", ")}`);
    return EXIT_USAGE;
  }
  io.out(completionScript(known, program));
  return EXIT_OK;
}

export function completionScript(shell: Shell, program: Command): string {
  const places = placesOf(program, [], []);
  switch (shell) {
    case "bash":
      return bash(program.name(), places);
    case "zsh":
      return zsh(program.name(), places);
    case "fish":
      return fish(program.name(), places);
  }
}

/** @param anywhere  options of the program that may stand behind every command. */
function placesOf(command: Command, path: readonly string[], anywhere: Place["options"]): Place[] {
  const help = command.createHelp();
  // `help` is a command of commander's own: `--help` says the same.
  const commands = help.visibleCommands(command).filter((child) => child.name() !== "help");
  const { registeredArguments: args } = command;
  const own = help.visibleOptions(command).map((option) => ({
    word: option.long ?? option.short ?? "",
    description: option.description,
    values: valuesOf(option),
  }));
  const place: Place = {
    path: path.join(" "),
    words: [
      ...commands.map((child) => ({ word: child.name(), description: child.description() })),
      ...args.flatMap(({ argChoices = [], description }) =>
        argChoices.map((word) => ({ word, description })),
      ),
    ],
    takesFiles: args.some((argument) => isFile(argument.name())),
    options: [...own, ...anywhere],
  };
  const below = path.length === 0 ? own.filter(({ values }) => values !== "none") : anywhere;
  return [place, ...commands.flatMap((child) => placesOf(child, [...path, child.name()], below))];
}

function valuesOf(option: Option): Values {
  const { argChoices, flags, long } = option;
  if (argChoices !== undefined) return { words: argChoices };
  const [, value] = /<(.+)>/.exec(flags) ?? [];
  if (value === undefined) return "none";
  if (long === "--agent") return "agents";
  return isFile(value) ? "files" : "unknown";
}

function isFile(name: ReturnType<Argument["name"]>): boolean {
  return ["file", "files", "folder", "path"].includes(name);
}
