/** The file in a writer's directory that names the process which owns it. */
import { readFile, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isMissing } from "./file-errors.js";
import {
  currentProcess,
  type ProcessIdentity,
  type ProcessStatus,
  statusOf,
} from "./process-identity.js";

/** Earlier releases look for this name, and may run on the same directory during an upgrade. */
const OWNER_FILE = "holder.json";
/**
 * A process on another machine (a shared or moved volume) counts as dead when it has not touched
 * its owner file for this long.
 */
const SILENT_MS = 120_000;

export async function writeOwner(directory: string): Promise<void> {
  const path = join(directory, OWNER_FILE);
  await writeFile(path, JSON.stringify(currentProcess()), { mode: 0o600 });
}

/** Shows other machines that the owner is alive. */
export async function touchOwner(directory: string, epochMs: number): Promise<void> {
  const now = new Date(epochMs);
  await utimes(join(directory, OWNER_FILE), now, now);
}

/**
 * Tells whether the process that owns a writer's directory is gone.
 *
 * @param ifMissing  the answer when the directory does not exist.
 */
export async function isAbandoned(
  directory: string,
  ifMissing: boolean,
  epochMs: number,
): Promise<boolean> {
  const path = join(directory, OWNER_FILE);
  let status: ProcessStatus = "unknown";
  try {
    status = statusOf(JSON.parse(await readFile(path, "utf8")) as ProcessIdentity);
  } catch (error) {
    // The file is missing or incomplete while its owner starts, or when it died while starting.
    // The age of the file or directory decides.
    if (!isMissing(error) && !(error instanceof SyntaxError)) throw error;
  }
  if (status !== "unknown") return status === "dead";
  for (const place of [path, directory]) {
    try {
      return epochMs - (await stat(place)).mtimeMs > SILENT_MS;
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  return ifMissing;
}
