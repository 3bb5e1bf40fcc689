import { RelayError } from "../../domain/errors.js";

/**
 * Runs database work. Errors become RelayErrors.
 *
 * @param operation  names the work in the metric `store_seconds`.
 */
export type Guard = <T>(operation: string, work: () => Promise<T>) => Promise<T>;

/**
 * PostgreSQL: error classes that mean that the statement itself is at fault. All other errors
 * (server away, full, locked, restarting) may pass. Source: PostgreSQL, appendix A, "Error Codes".
 */
const STATEMENT_FAULT_CLASSES = new Set(["21", "22", "23", "42", "54"]);
/** SQLite: result codes that mean that the statement itself is at fault. */
const STATEMENT_FAULTS = /^SQLITE_(ERROR|CONSTRAINT|MISMATCH|RANGE|TOOBIG|MISUSE)/;

/**
 * Rejects with `store_unavailable` (retryable), or with `internal` when the same work would fail
 * again.
 */
export async function withRelayErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof RelayError) throw error;
    throw toRelayError(error);
  }
}

/** The same statement would fail again. */
export function isStatementFault(error: unknown): boolean {
  const code = codeOf(error);
  const isSqlstate = code.length === 5;
  return (
    STATEMENT_FAULTS.test(code) || (isSqlstate && STATEMENT_FAULT_CLASSES.has(code.slice(0, 2)))
  );
}

function toRelayError(error: unknown): RelayError {
  const code = codeOf(error);
  if (isStatementFault(error))
    return new RelayError("internal", `the database refused a statement (${code})`, {
      cause: error,
    });
  const why = code === "" ? "no answer" : code;
  return new RelayError("store_unavailable", `the database is away (${why})`, {
    retryable: true,
    cause: error,
  });
}

function codeOf(error: unknown): string {
  if (typeof error !== "object" || error === null || !("code" in error)) return "";
  return typeof error.code === "string" ? error.code : "";
}
