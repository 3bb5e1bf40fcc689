import { RelayError } from "../domain/errors.js";

/**
 * An error of the surroundings in words: a setting, a file, a port, the network.
 *
 * @returns null for a fault of the program, whose stack is worth more than its message.
 */
export function problemOf(error: unknown): string | null {
  if (error instanceof RelayError) return error.message;
  if (!(error instanceof Error) || !("syscall" in error)) return null;
  const { code, path } = error as NodeJS.ErrnoException;
  const what = WORDS[code ?? ""];
  // Node does not always say which file it was.
  return what === undefined || path === undefined ? error.message : `${path} ${what}`;
}

const WORDS: Readonly<Record<string, string>> = {
  EACCES: "may not be used by this user",
  EEXIST: "is there already, and is not a folder",
  EISDIR: "is a folder",
  ENOENT: "is not there",
  ENOSPC: "cannot be written: the disk is full",
  ENOTDIR: "leads through a file that is no folder",
  EPERM: "may not be used by this user",
  EROFS: "cannot be written: the file system is read-only",
};
