import { RelayError } from "../../domain/errors.js";

/** Runs a piece of database work; what goes wrong in it becomes a RelayError. */
export type Guard = <T>(work: () => Promise<T>) => Promise<T>;

/** PostgreSQL: classes of errors that speak against the statement itself; all else (away, full, locked, restarting) may pass. */
const STATEMENT_FAULT_CLASSES = new Set(["21", "22", "23", "42"]);
/** SQLite: codes that speak against the statement. */
const STATEMENT_FAULTS = /^SQLITE_(ERROR|CONSTRAINT|MISMATCH|RANGE|TOOBIG|MISUSE)/;

/** `store_unavailable` is retryable; `internal` means that the same work would fail again. */
export const guard: Guard = async (work) => {
  try {
    return await work();
  } catch (error) {
    if (error instanceof RelayError) throw error;
    const code = codeOf(error);
    const fault =
      STATEMENT_FAULTS.test(code) ||
      (code.length === 5 && STATEMENT_FAULT_CLASSES.has(code.slice(0, 2)));
    if (fault)
      throw new RelayError("internal", `the database refused a statement (${code})`, {
        cause: error,
      });
    const why = code === "" ? "no answer" : code;
    throw new RelayError("store_unavailable", `the database is away (${why})`, {
      retryable: true,
      cause: error,
    });
  }
};

function codeOf(error: unknown): string {
  if (typeof error !== "object" || error === null || !("code" in error)) return "";
  return typeof error.code === "string" ? error.code : "";
}
