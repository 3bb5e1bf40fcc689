import type { ErrorCode } from "../../domain/errors.js";

/** Failures that the next dial shares: a wrong key, an unknown model, a refused configuration. */
const LASTING: ReadonlySet<ErrorCode> = new Set(["upstream_account", "upstream_rejected"]);
/**
 * From the last such failure: then the relay counts as ready again, so that a balancer sends a call
 * which shows whether the fault was corrected.
 */
const REMEMBER_MS = 120_000;

/** Whether every recent dial of the model failed for a reason that lasts. Time is an argument. */
export class ModelHealth {
  #fault: { readonly code: ErrorCode; readonly atMs: number } | null = null;

  /** A session was configured: key, model and configuration are good. */
  sessionReady(): void {
    this.#fault = null;
  }

  /** A dial and its retry led to no session, or a session was lost. */
  sessionFailed(code: ErrorCode, retryable: boolean, nowMs: number): void {
    if (!retryable && LASTING.has(code)) this.#fault = { code, atMs: nowMs };
  }

  /** Why callers reach no agent now; null: nothing is known against it. */
  fault(nowMs: number): ErrorCode | null {
    if (this.#fault === null || nowMs - this.#fault.atMs >= REMEMBER_MS) return null;
    return this.#fault.code;
  }
}
