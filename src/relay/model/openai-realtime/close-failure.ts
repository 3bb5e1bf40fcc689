import type { ErrorCode } from "../../../domain/errors.js";
import type { UpstreamClose } from "../../../ports/sockets.js";
import type { SessionFailure } from "../model-session.js";

/** Codes after which every further generation fails too: the account, not the call, is in trouble. */
const ACCOUNT = new Set([
  "insufficient_quota",
  "billing_hard_limit_reached",
  "invalid_api_key",
  "account_deactivated",
  "model_not_found",
]);

/** The account is the cause: fatal for this and every other session. Null: it is not. */
export function accountTrouble(code: string | null): ErrorCode | null {
  return code !== null && ACCOUNT.has(code) ? "upstream_account" : null;
}

/** HTTP statuses of a refused handshake that another try may get past. */
const RETRYABLE_STATUS = new Set([408, 429, 500, 502, 503, 504]);

/** What the end of a socket means. Source: OpenAI Realtime API, connection and closes. */
export function closeFailure(close: UpstreamClose): SessionFailure {
  if (close.httpStatus !== null) {
    const account = close.httpStatus === 401 || close.httpStatus === 403;
    return {
      code: account ? "upstream_account" : "upstream_refused",
      retryable: RETRYABLE_STATUS.has(close.httpStatus),
      detail: `handshake answered ${close.httpStatus}`,
    };
  }
  if (close.code === 0)
    return { code: "upstream_unreachable", retryable: true, detail: close.reason };
  if (close.code === 1001) {
    return { code: "upstream_session_expired", retryable: true, detail: "closed with 1001" };
  }
  return { code: "upstream_closed", retryable: true, detail: `closed with ${close.code}` };
}
