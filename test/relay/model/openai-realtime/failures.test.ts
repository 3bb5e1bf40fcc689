import { describe, expect, it } from "vitest";
import {
  closeFailure,
  fatalError,
  isBenign,
} from "../../../../src/relay/model/openai-realtime/failures.js";
import type { ServerFault } from "../../../../src/wire/realtime-objects.js";

const fault = (code: string | null, type = "invalid_request_error"): ServerFault => ({
  type,
  code,
  message: null,
  param: null,
  eventId: null,
});
const close = (code: number, reason = "", httpStatus: number | null = null) => ({
  code,
  reason,
  httpStatus,
});

describe("closeFailure", () => {
  it.each([
    // What the server does after it accepted the socket.
    [close(3000, "invalid_request_error.invalid_api_key"), null, "upstream_account", false],
    [close(3000, "invalid_request_error"), fault(null), "upstream_account", false],
    [close(4000, "invalid_request_error.invalid_model"), null, "upstream_account", false],
    [close(4000), fault("invalid_model"), "upstream_account", false],
    [close(4000), fault("missing_model"), "upstream_account", false],
    [close(4000), fault("beta_api_shape_disabled"), "upstream_rejected", false],
    [close(4000, "invalid_request_error.new_word"), null, "upstream_rejected", false],
    [close(1008), fault("unknown_parameter"), "upstream_rejected", false],
    [close(1011), fault(null, "server_error"), "upstream_closed", true],
    [close(1011), null, "upstream_closed", true],
    [close(1006), null, "upstream_closed", true],
    [close(1001), null, "upstream_session_expired", true],
    [close(0, "ECONNREFUSED"), null, "upstream_unreachable", true],
    // What gateways in between answer.
    [close(0, "HTTP 401", 401), null, "upstream_account", false],
    [close(0, "HTTP 403", 403), null, "upstream_account", false],
    [close(0, "HTTP 404", 404), null, "upstream_refused", false],
    [close(0, "HTTP 407", 407), null, "upstream_refused", false],
    [close(0, "HTTP 429", 429), null, "upstream_refused", true],
    [close(0, "insufficient_quota", 429), null, "upstream_account", false],
    [close(0, "HTTP 502", 502), null, "upstream_refused", true],
    [close(0, "HTTP 503", 503), null, "upstream_refused", true],
  ] as const)("judges %j with %j: %s, another dial %s", (closed, told, code, retryable) => {
    expect(closeFailure(closed, told)).toMatchObject({ code, retryable });
  });

  it("tells the code of the refusal, and nothing else of the server's words", () => {
    const { detail } = closeFailure(close(4000), fault("invalid_model"));
    expect(detail).toBe("closed with 4000: invalid_model");
    expect(closeFailure(close(3000, "key sk-123 is wrong"), null).detail).toBe("closed with 3000");
  });
});

describe("fatalError", () => {
  it.each([
    ["invalid_api_key", "upstream_account", false],
    ["invalid_model", "upstream_account", false],
    ["insufficient_quota", "upstream_account", false],
    ["session_expired", "upstream_session_expired", true],
  ])("ends the session for %s", (code, meaning, retryable) => {
    expect(fatalError(code)).toEqual({ code: meaning, retryable, detail: code });
  });

  it.each([null, "server_error", "rate_limit_exceeded"])("does not end it for %s", (code) => {
    expect(fatalError(code)).toBeNull();
  });
});

describe("isBenign", () => {
  it("knows refusals that only came too late", () => {
    expect(isBenign("response_cancel_not_active")).toBe(true);
    expect(isBenign("unknown_parameter")).toBe(false);
    expect(isBenign(null)).toBe(false);
  });
});
