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
