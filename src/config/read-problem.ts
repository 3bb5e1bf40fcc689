import { existsSync, readdirSync } from "node:fs";
import { basename, dirname } from "node:path";
import { didYouMean } from "./nearest.js";

/** Why a file cannot be read, in words. */
export function readProblem(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, path } = error as NodeJS.ErrnoException;
  const words = code === undefined ? undefined : WORDS[code];
  if (words === undefined) return error.message;
  return code === "ENOENT" && path !== undefined ? `${words}${fileBeside(path)}` : words;
}

/** " (did you mean …?)", when a file with nearly this name is in the same folder; else "". */
export function fileBeside(path: string): string {
  const folder = dirname(path);
  if (!existsSync(folder)) return "";
  try {
    return didYouMean(basename(path), readdirSync(folder));
  } catch {
    // A folder that cannot be listed has no suggestion.
    return "";
  }
}

const WORDS: Readonly<Record<string, string>> = {
  EACCES: "this user may not read it",
  EISDIR: "it is a folder",
  ENOENT: "there is no such file",
  ENOTDIR: "there is no such file",
};
