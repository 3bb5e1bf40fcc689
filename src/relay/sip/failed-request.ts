import { errorCodeOf } from "../../domain/errors.js";
import type { Log, LogFields } from "../../ports/log.js";

/**
 * Logs a request about a leg that failed, unless it failed because the leg or its caller is gone:
 * then there is nothing left to do.
 *
 * @param text  the line: `sip: event`.
 */
export function warnUnlessGone(log: Log, text: string, error: unknown, fields?: LogFields): void {
  const code = errorCodeOf(error);
  if (code !== "caller_gone") log.warn(text, { ...fields, code }, error);
}
