import { spawnSync } from "node:child_process";
import { basename } from "node:path";

/** A longer check is of no use to a person who waits. */
const CHECK_MS = 5_000;
/** Frames of packages, of Node and of this program say nothing about a module. */
const OTHERS = /node:|\/node_modules\/|\/adapters\/tools\//;

/**
 * Why a module cannot be loaded, with the line at fault where it is known: Node leaves it out of
 * the message, and for the syntax of an ES module out of the stack, too.
 *
 * @param path  of the module.
 */
export function loadProblem(error: unknown, path: string): string {
  if (!(error instanceof Error)) return String(error);
  const { message, stack = "" } = error;
  // What compiles TypeScript says where.
  if (message.includes("\n")) return message;
  const place = placeIn(stack) ?? (error.name === "SyntaxError" ? placeIn(checked(path)) : null);
  return place === null ? message : `${message} (${place})`;
}

/**
 * "refund.mjs:12" of the first frame that is in a module of the user's own; null: there is none.
 */
function placeIn(stack: string): string | null {
  for (const line of stack.split("\n")) {
    const [, file, at] = /(\/[^():]+):(\d+)/.exec(line) ?? [];
    if (file !== undefined && at !== undefined && !OTHERS.test(line))
      return `${basename(file)}:${at}`;
  }
  return null;
}

/** What Node prints of a file whose syntax is wrong. */
function checked(path: string): string {
  const { stderr } = spawnSync(process.execPath, ["--check", path], {
    encoding: "utf8",
    timeout: CHECK_MS,
  });
  return stderr ?? "";
}
