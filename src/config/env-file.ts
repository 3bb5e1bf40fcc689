/** Reads a settings file (`.env`). The only user of dotenv. */
import { readFileSync } from "node:fs";
import { parse } from "dotenv";
import { RelayError } from "../domain/errors.js";
import type { Environment } from "./load.js";
import { KNOWN_NAMES } from "./load.js";
import { nearest } from "./nearest.js";

export interface EnvFile {
  readonly values: Environment;
  /** Names that are probably mistyped settings, in words. The file is used all the same. */
  readonly notices: readonly string[];
}

/** @throws RelayError config_invalid when the file cannot be read or is not text in UTF-8. */
export function readEnvFile(path: string): EnvFile {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new RelayError("config_invalid", `${path} cannot be read: ${reason}`, { cause: error });
  }
  return parseEnvFile(path, bytes);
}

/** @param path  for messages only. */
export function parseEnvFile(path: string, bytes: Uint8Array): EnvFile {
  if (isUtf16(bytes))
    throw new RelayError(
      "config_invalid",
      `${path} is encoded in UTF-16, as the > of older versions of PowerShell writes it: save it in UTF-8`,
    );
  const values = parse(Buffer.from(new TextDecoder("utf-8").decode(bytes)));
  const notices = Object.keys(values).flatMap((name) => {
    if (KNOWN_NAMES.has(name)) return [];
    const meant = nearest(name, [...KNOWN_NAMES]);
    return meant === null ? [] : [`${path}: ${name} is not a setting (did you mean ${meant}?)`];
  });
  return { values, notices };
}

/** By its byte order mark, or by the zero byte that each ASCII letter has beside it. */
function isUtf16(bytes: Uint8Array): boolean {
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) return true;
  return bytes.subarray(0, 200).includes(0);
}
