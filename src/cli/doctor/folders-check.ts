import { accessSync, constants, existsSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { crmSpoolDirectory, spoolDirectory } from "../../config/derived.js";
import type { Config } from "../../config/load.js";
import type { AgentsFile } from "../../domain/agent-profile.js";
import { type CheckResult, fail, ok } from "../check-result.js";

const SUBJECT = "folders";

/** Checks that the relay can write where it will. Nothing is created. */
export function* checkFolders(
  config: Pick<Config, "recordingsDir" | "databaseUrl">,
  agents: Pick<AgentsFile, "crm"> | null,
): Generator<CheckResult> {
  yield checkFolder(
    resolve(config.recordingsDir),
    "name a folder in RECORDINGS_DIR that this user may write to",
  );
  const waiting = [
    spoolDirectory(config),
    ...(agents?.crm?.callCompleted == null ? [] : [crmSpoolDirectory(config)]),
  ];
  for (const folder of waiting) {
    const result = checkFolder(folder, "let this user write there, or move what is in the way");
    if (result.severity === "fail") yield result;
  }
}

function checkFolder(folder: string, fix: string): CheckResult {
  const existing = existingPart(folder);
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
