import type { Config } from "../../config/load.js";
import { type CheckResult, fail, ok } from "../check-result.js";
import { messageOf } from "./message-of.js";

const SUBJECT = "database";

export async function checkDatabase(config: Config): Promise<CheckResult> {
  const kind = config.databaseUrl.startsWith("sqlite:") ? "SQLite" : "PostgreSQL";
  const { openStore } = await import("../../adapters/store/open-store.js");
  try {
    // The connection is used for this check only: if it is lost meanwhile, close() rejects.
    const store = await openStore(config.databaseUrl, () => {});
    await store.close();
    return ok(SUBJECT, `${kind}, opened, tables up to date`);
  } catch (error) {
    return fail(SUBJECT, `${kind}: ${messageOf(error)}`, "check DATABASE_URL");
  }
}
