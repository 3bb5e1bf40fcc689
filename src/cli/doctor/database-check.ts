import { inspectDatabase } from "../../adapters/store/inspect-database.js";
import type { Config } from "../../config/load.js";
import { RelayError } from "../../domain/errors.js";
import { type CheckResult, fail, ok, warn } from "../check-result.js";

const SUBJECT = "database";

/** Connects and reads the schema's version. It never writes or migrates. */
export async function checkDatabase(config: Pick<Config, "databaseUrl">): Promise<CheckResult> {
  try {
    const { name, isNew, missing, unknown } = await inspectDatabase(config.databaseUrl);
    if (unknown.length > 0)
      return warn(
        SUBJECT,
        `${name} was changed by a newer version (${unknown.join(", ")})`,
        "run that version, or give this one a database of its own",
      );
    if (isNew) return ok(SUBJECT, `${name}: new; serve creates the tables`);
    if (missing.length > 0)
      return ok(SUBJECT, `${name}: serve will apply ${missing.join(", ")} at start`);
    return ok(SUBJECT, `${name}: tables up to date`);
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    return fail(SUBJECT, error.message, "check DATABASE_URL");
  }
}
