import { readFileSync, statSync } from "node:fs";

/** A larger file is a mistake. */
const MAX_BYTES = 64 * 1024;

/**
 * Reads a secret that an orchestrator mounted as a file. One final line break is not part of it.
 *
 * @throws Error whose message names the cause and holds nothing of the content.
 */
export function readSecretFile(path: string): string {
  const { size } = statSync(path);
  if (size > MAX_BYTES) throw new Error(`it holds ${size} bytes, more than ${MAX_BYTES}`);
  return readFileSync(path, "utf8").replace(/\r?\n$/, "");
}

/** An environment in which `NAME_FILE` stands in for `NAME`. */
export type EnvLookup = (name: string) => string | undefined;

/**
 * @throws Error, as readSecretFile, when NAME is unset and the file that NAME_FILE names cannot be
 * read.
 */
export function envLookup(
  env: Readonly<Record<string, string | undefined>>,
  readFile: (path: string) => string = readSecretFile,
): EnvLookup {
  return (name) => {
    const value = env[name];
    if (value !== undefined && value !== "") return value;
    const path = env[`${name}_FILE`];
    return path === undefined || path === "" ? undefined : readFile(path);
  };
}
