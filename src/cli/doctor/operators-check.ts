import type { Config } from "../../config/load.js";
import { configuredOperators } from "../../config/operators-file.js";
import { RelayError } from "../../domain/errors.js";
import { type CheckResult, fail, ok } from "../check-result.js";

const SUBJECT = "operators";

/** Reads OPERATORS_FILE; it is optional. */
export function* checkOperators(
  config: Pick<Config, "operatorsFile" | "adminToken">,
): Generator<CheckResult> {
  if (config.operatorsFile === null) return;
  try {
    const names = configuredOperators(config).map(({ name, role }) => `${name} (${role})`);
    yield ok(SUBJECT, names.length === 0 ? "none yet" : names.join(", "));
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    const text = error.message.replace(/:\n\s*/, ": ").replace(/\n\s*/g, "; ");
    yield fail(SUBJECT, text, "correct the file; npx murelay operator add writes it");
  }
}
