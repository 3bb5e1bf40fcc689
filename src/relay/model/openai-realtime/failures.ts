import type { ErrorCode } from "../../../domain/errors.js";
import type { UpstreamClose } from "../../../ports/sockets.js";
import type { ServerFault } from "../../../wire/realtime-objects.js";
import type { SessionFailure } from "../model-session.js";

/**
 * Codes after which every further session or generation fails too, each with its ErrorCode.
 * Source: OpenAI Realtime, live captures; other clients of the API.
 */
const HOPELESS = new Map<string, ErrorCode>([
  ["invalid_api_key", "upstream_account"],
  ["account_deactivated", "upstream_account"],
  ["insufficient_quota", "upstream_account"],
  ["billing_hard_limit_reached", "upstream_account"],
  ["model_not_found", "upstream_account"],
  ["invalid_model", "upstream_account"],
  ["missing_model", "upstream_account"],
  ["beta_api_shape_disabled", "upstream_rejected"],
]);

/**
 * Refusals of requests that came too late or were not needed. They require no action.
 */
const BENIGN = new Set([
  "conversation_already_has_active_response",
  "response_cancel_not_active",
  "input_audio_buffer_commit_empty",
  "item_truncate_invalid_item_id",
  "item_retrieve_invalid_item_id",
  "item_delete_invalid_item_id",
]);

/**
 * After the server has accepted the socket, it refuses key, account or model with these close
 * codes.
 */
const CLOSE_KEY = 3000;
const CLOSE_REQUEST = 4000;
/** The close code for a session that has reached its maximum duration. */
const CLOSE_GOING_AWAY = 1001;

/** Statuses of a refused handshake after which another attempt may succeed. */
const RETRYABLE_STATUS = new Set([408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524]);

/** The failure of the whole session that an error code stands for; null: the session goes on. */
export function fatalError(code: string | null): SessionFailure | null {
  if (code === null) return null;
  if (code === "session_expired")
    return { code: "upstream_session_expired", retryable: true, detail: code };
  const hopeless = HOPELESS.get(code);
  return hopeless === undefined ? null : { code: hopeless, retryable: false, detail: code };
}

export function isBenign(code: string | null): boolean {
  return code !== null && BENIGN.has(code);
}

/**
 * What the end of a socket means. The server accepts the socket even if key, account or model are
 * wrong; then it sends an `error` and closes. Gateways in between answer with an HTTP status.
 *
 * @param fault  the last `error` of a session that never became ready; null: there was none.
 */
export function closeFailure(close: UpstreamClose, fault: ServerFault | null): SessionFailure {
  if (close.httpStatus !== null) return handshakeFailure(close.httpStatus, close.reason);
  if (close.code === CLOSE_KEY || close.code === CLOSE_REQUEST) return refusedBy(close, fault);
  if (close.code === CLOSE_GOING_AWAY)
    return { code: "upstream_session_expired", retryable: true, detail: "closed with 1001" };
  // The next dial would send the same request and get the same answer.
  if (fault !== null && fault.type === "invalid_request_error")
    return { code: "upstream_rejected", retryable: false, detail: fault.code ?? fault.type };
  if (close.code === 0)
    return { code: "upstream_unreachable", retryable: true, detail: close.reason };
  return { code: "upstream_closed", retryable: true, detail: `closed with ${close.code}` };
}

/** @param reason  the code in the answer's body, where it has one. */
function handshakeFailure(status: number, reason: string): SessionFailure {
  const hopeless = fatalError(reason);
  const detail = `handshake answered ${status}`;
  if (hopeless !== null) return { ...hopeless, detail: `${detail}: ${reason}` };
  if (status === 401 || status === 403)
    return { code: "upstream_account", retryable: false, detail };
  return { code: "upstream_refused", retryable: RETRYABLE_STATUS.has(status), detail };
}

/** CLOSE 3000 without a code means that the request had no key. */
function refusedBy(close: UpstreamClose, fault: ServerFault | null): SessionFailure {
  const code = fault?.code ?? codeOf(close.reason);
  const known = fatalError(code);
  const detail = `closed with ${close.code}${code === null ? "" : `: ${code}`}`;
  if (known !== null && !known.retryable) return { ...known, detail };
  const meaning = close.code === CLOSE_KEY ? "upstream_account" : "upstream_rejected";
  return { code: meaning, retryable: false, detail };
}

/** "invalid_request_error.invalid_model" → "invalid_model"; null when there is no code. */
function codeOf(reason: string): string | null {
  return /^[a-z_]{1,64}\.([a-z_]{1,64})$/.exec(reason)?.[1] ?? null;
}
