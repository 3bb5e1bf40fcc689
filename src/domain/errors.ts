/**
 * Every failure that crosses a layer carries one of these codes. `docs/errors.md` has a
 * section for each; a test holds the two lists against each other.
 */
export const ERROR_CODES = [
  "config_invalid",
  "wire_invalid",
  "auth_failed",
  "upstream_unreachable",
  "upstream_refused",
  "upstream_timeout",
  "upstream_closed",
  "upstream_hung",
  "upstream_congested",
  "upstream_session_expired",
  "upstream_account",
  "upstream_rejected",
  "upstream_response_failed",
  "caller_gone",
  "twilio_unauthorized",
  "twilio_rejected",
  "twilio_busy",
  "twilio_unavailable",
  "twilio_timeout",
  "tool_unknown",
  "tool_arguments_invalid",
  "tool_timeout",
  "tool_failed",
  "tool_blocked",
  "destination_unknown",
  "store_unavailable",
  "limit_exceeded",
  "internal",
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

export interface RelayErrorOptions {
  /** True when the same request may succeed if it is tried again later. */
  readonly retryable?: boolean;
  readonly cause?: unknown;
}

/** The one base class. Callers match on `code`, never on `message`; messages hold no secret, number or speech. */
export class RelayError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, options: RelayErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "RelayError";
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}

/** A peer refused a request and said what is wrong with it. */
export class RefusedError extends RelayError {
  /** The path of the parameter that is wrong; null when the peer named none. */
  readonly param: string | null;
  /** The peer's own words. They may quote what was sent: not for logs. */
  readonly said: string | null;

  constructor(
    code: ErrorCode,
    message: string,
    refusal: { readonly param: string | null; readonly said: string | null },
  ) {
    super(code, message);
    this.param = refusal.param;
    this.said = refusal.said;
  }
}

/** A peer sent bytes that its own protocol does not allow. */
export class WireError extends RelayError {
  constructor(message: string, options: RelayErrorOptions = {}) {
    super("wire_invalid", message, options);
    this.name = "WireError";
  }
}

/**
 * A listener's port cannot be opened.
 *
 * @param cause  the system's error, if it gives one.
 */
export function portRefused(host: string, port: number, cause?: unknown): RelayError {
  const problem =
    `${host}:${port} cannot be listened on: the port is in use, or this user may not open it. ` +
    "End the other program, or choose another PORT or ADMIN_PORT";
  return new RelayError("config_invalid", problem, { cause });
}

/** The code of anything that was thrown: `internal` unless it is one of ours. */
export function errorCodeOf(error: unknown): ErrorCode {
  return error instanceof RelayError ? error.code : "internal";
}

/** Ends a switch over a closed union: the compiler proves that no arm is missing. */
export function assertNever(value: never): never {
  throw new RelayError("internal", `unexpected value: ${JSON.stringify(value)}`);
}
