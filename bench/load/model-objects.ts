/** Objects of the Realtime API as the model of load runs sends them. Source: API reference (GA). */

export type Fields = Readonly<Record<string, unknown>>;

/** Why and how a response ends. */
export interface ResponseEnd {
  readonly status: "completed" | "cancelled" | "incomplete" | "failed";
  /** `status_details`; null for a response that completed. */
  readonly details: Fields | null;
}

export const COMPLETED: ResponseEnd = { status: "completed", details: null };
export const INCOMPLETE: ResponseEnd = {
  status: "incomplete",
  details: { type: "incomplete", reason: "max_output_tokens" },
};
export const FAILED: ResponseEnd = {
  status: "failed",
  details: {
    type: "failed",
    error: { type: "server_error", code: "server_error", message: "The server had an error." },
  },
};
export const RATE_LIMITED: ResponseEnd = {
  status: "failed",
  details: {
    type: "failed",
    error: {
      type: "tokens",
      code: "rate_limit_exceeded",
      message: "Rate limit reached for tokens per minute. Please try again in 1.2s.",
    },
  },
};

export function cancelled(reason: "turn_detected" | "client_cancelled"): ResponseEnd {
  return { status: "cancelled", details: { type: "cancelled", reason } };
}

/** An assistant's message with audio. */
export function speechItem(id: string, status: "completed" | "incomplete"): Fields {
  const content = [{ type: "output_audio", transcript: "and so on" }];
  return { id, type: "message", role: "assistant", status, content };
}

export function openResponse(id: string): Fields {
  return {
    object: "realtime.response",
    id,
    status: "in_progress",
    status_details: null,
    output: [],
    usage: null,
  };
}

export function doneResponse(id: string, end: ResponseEnd, output: readonly unknown[]): Fields {
  const usage = {
    total_tokens: 1220,
    input_tokens: 1000,
    output_tokens: 220,
    input_token_details: { text_tokens: 400, audio_tokens: 600, cached_tokens: 640 },
    output_token_details: { text_tokens: 60, audio_tokens: 160 },
  };
  return {
    object: "realtime.response",
    id,
    status: end.status,
    status_details: end.details,
    output,
    usage,
  };
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `value` where it is an object; otherwise an empty one. */
export function record(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {};
}
