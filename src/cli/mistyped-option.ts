import type { Command } from "commander";
import { didYouMean } from "../config/nearest.js";

/**
 * Where an option that is required is missing, commander says only that. The reason is often that
 * it is there, mistyped.
 *
 * @returns a line about the first option that the command does not have; null: it has all of them.
 */
export function mistypedOption(program: Command, args: readonly string[]): string | null {
  let command = program;
  const known: string[] = [];
  for (const arg of ["", ...args]) {
    command = command.commands.find((child) => child.name() === arg) ?? command;
    if (arg === "" || command.name() === arg)
      known.push(...command.options.flatMap(({ long }) => long ?? []));
  }
  for (const arg of args) {
    if (arg === "--") return null;
    const name = arg.replace(/=.*$/s, "");
    if (/^--./.test(name) && !known.includes(name))
      return `unknown option ${name}${didYouMean(name, known)}`;
  }
  return null;
}

/**
 * The command line of an unknown command, without `--help`: commander would explain its parent, and
 * exit with 0.
 */
export function withoutHelpForUnknown(program: Command, args: readonly string[]): string[] {
  let command = program;
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? "";
    if (arg === "--settings") i++;
    if (arg.startsWith("-") || arg === "help" || args[i - 1] === "--settings") continue;
    const child = command.commands.find((one) => one.name() === arg);
    if (child === undefined) return args.filter((one) => one !== "--help" && one !== "-h");
    if (child.commands.length === 0) break;
    command = child;
  }
  return [...args];
}
