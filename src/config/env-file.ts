/** Reads a settings file (`.env`). The only user of dotenv. */

import { readFileSync } from "node:fs";
import { parse } from "dotenv";
import { RelayError } from "../domain/errors.js";
import type { ConfigFault } from "./config-error.js";
import type { Environment } from "./load.js";
import { KNOWN_NAMES } from "./load.js";
import { nearest } from "./nearest.js";
import { readProblem } from "./read-problem.js";

export interface EnvFile {
  readonly values: Environment;
  /**
   * What is suspicious, in words: a mistyped name, a line that is ignored. The file is used all the
   * same.
   */
  readonly notices: readonly string[];
}

/** The file cannot be used at all. */
export class EnvFileError extends RelayError {
  /** Its name is the file's path. */
  readonly fault: ConfigFault;

  constructor(fault: ConfigFault, cause?: unknown) {
    super("config_invalid", `${fault.name} ${fault.problem}. ${fault.fix}`, { cause });
    this.name = "EnvFileError";
    this.fault = fault;
  }
}

const SAVE_AS_UTF8 = "Save it in UTF-8.";

/** @throws EnvFileError when the file cannot be read or is not text in UTF-8. */
export function readEnvFile(path: string): EnvFile {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const fix = "Name a file that this user may read.";
    throw new EnvFileError(
      { name: path, problem: `cannot be read: ${readProblem(error)}`, fix },
      error,
    );
  }
  return parseEnvFile(path, bytes);
}

/** @param path  for messages only. */
export function parseEnvFile(path: string, bytes: Uint8Array): EnvFile {
  if (isUtf16(bytes)) {
    const problem = "is encoded in UTF-16, as the > of older versions of PowerShell writes it";
    throw new EnvFileError({ name: path, problem, fix: SAVE_AS_UTF8 });
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new EnvFileError({ name: path, problem: "is not in UTF-8", fix: SAVE_AS_UTF8 }, error);
  }
  const values = parse(Buffer.from(text));
  const mistyped = Object.keys(values).flatMap((name) => {
    if (KNOWN_NAMES.has(name)) return [];
    const meant = nearest(name, [...KNOWN_NAMES]);
    return meant === null ? [] : [`${path}: ${name} is not a setting (did you mean ${meant}?)`];
  });
  return { values, notices: [...mistyped, ...lineNotices(path, text, values)] };
}

/**
 * Lines that begin with the name of a setting and do not set it, and settings that are set twice.
 */
function lineNotices(path: string, text: string, values: Environment): string[] {
  const lineOf = new Map<string, number>();
  const notices: string[] = [];
  for (const [i, line] of text.split(/\r\n?|\n/).entries()) {
    const [, name = "", sign] = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*(=|:\s)?/.exec(line) ?? [];
    if (!KNOWN_NAMES.has(name)) continue;
    const at = `${path}:${i + 1}`;
    const before = lineOf.get(name);
    if (sign === undefined) {
      if (values[name] === undefined) notices.push(`${at}: write ${name}=…; this line is ignored`);
    } else if (before === undefined) lineOf.set(name, i + 1);
    else notices.push(`${at}: ${name} is set again; line ${before} is ignored`);
  }
  return notices;
}

/** By its byte order mark, or by the zero byte that each ASCII letter has beside it. */
function isUtf16(bytes: Uint8Array): boolean {
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) return true;
  return bytes.subarray(0, 200).includes(0);
}
