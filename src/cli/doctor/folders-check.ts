import { accessSync, constants, existsSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Config } from "../../config/load.js";
import { type CheckResult, fail, ok } from "../check-result.js";

const SUBJECT = "folders";

/** Checks that the relay can write where it will. Nothing is created. */
export function checkFolders(config: Pick<Config, "recordingsDir">): CheckResult {
  const folder = resolve(config.recordingsDir);
  const existing = existingPart(folder);
  const fix = "name a folder in RECORDINGS_DIR that this user may write to";
  if (!statSync(existing).isDirectory()) return fail(SUBJECT, `${existing} is not a folder`, fix);
  try {
    accessSync(existing, constants.W_OK | constants.X_OK);
  } catch {
    return fail(SUBJECT, `${existing} is not writable`, fix);
  }
  return ok(SUBJECT, `${folder}${existing === folder ? "" : ", which serve creates"}`);
}

function existingPart(path: string): string {
  return existsSync(path) ? path : existingPart(dirname(path));
}
