/**
 * The objects that Realtime (GA) events carry: sessions, responses, usage, faults. Field names are
 * ours; ids are branded. What the API leaves out or sets to null is null here.
 * Source: OpenAI, Realtime server events.
 */
import { WireError } from "../domain/errors.js";
import type { ResponseId } from "../domain/ids.js";
import type { Fields } from "./fields.js";
import { type RealtimeItem, readOutput } from "./realtime-items.js";

/** An item's audio may come back whole in `conversation.item.retrieved`; all else is small. */
export const MAX_SERVER_EVENT_BYTES = 16 * 1024 * 1024;

/**
 * No response and no turn of the caller's has so many. A larger number is a mistake, which would
 * use up the budget of a day.
 */
const MAX_TOKENS = 2_000_000;
/** A session ends after an hour. */
const MAX_TRANSCRIBED_S = 3_600;

export interface SessionInfo {
  readonly id: string | null;
  readonly model: string | null;
  /** Unix seconds at which the server will close the session. */
  readonly expiresAtS: number | null;
  /** "audio/pcmu" once our configuration holds; the server starts at 24 kHz PCM. */
  readonly inputFormat: string | null;
  readonly outputFormat: string | null;
}

/**
 * "unknown" is a status that the API did not have when this was written. The response is over all
 * the same if the event is `response.done`.
 */
export type ResponseStatus =
  | "in_progress"
  | "completed"
  | "cancelled"
  | "failed"
  | "incomplete"
  | "unknown";

export interface ResponseStatusDetails {
  /** "turn_detected", "client_cancelled", "max_output_tokens", "content_filter", … */
  readonly reason: string | null;
  readonly errorType: string | null;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
}

export interface ResponseObject {
  readonly id: ResponseId;
  readonly status: ResponseStatus;
  readonly statusDetails: ResponseStatusDetails | null;
  readonly output: readonly RealtimeItem[];
  /** Null for a response beside the conversation. */
  readonly conversationId: string | null;
  /** Ours, as given in `response.create`. No prototype. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Null until the response is done. */
  readonly usage: ResponseUsage | null;
}

export interface TokenDetails {
  readonly textTokens: number | null;
  readonly audioTokens: number | null;
  readonly imageTokens: number | null;
}

export interface ResponseUsage {
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  readonly input: TokenDetails | null;
  /** A subset of `input`. */
  readonly cachedTokens: number | null;
  readonly cached: TokenDetails | null;
  readonly output: TokenDetails | null;
}

/** Transcription is billed apart, by tokens or by duration, as its model is. */
export type TranscriptionUsage =
  | {
      readonly type: "tokens";
      readonly inputTokens: number;
      readonly outputTokens: number;
      readonly totalTokens: number;
    }
  | { readonly type: "duration"; readonly seconds: number };

export interface ServerFault {
  /** "invalid_request_error", "server_error", … */
  readonly type: string | null;
  readonly code: string | null;
  /** May quote what a caller or the model said: not for logs. */
  readonly message: string | null;
  readonly param: string | null;
  /** The `event_id` of the client event that failed. */
  readonly eventId: string | null;
}

export interface RateLimit {
  /** "requests", "tokens", … */
  readonly name: string;
  readonly limit: number | null;
  readonly remaining: number | null;
  readonly resetSeconds: number | null;
}

export function readSession(session: Fields): SessionInfo {
  const audio = session.objectOrNull("audio");
  return {
    id: session.idOrNull("id"),
    model: session.idOrNull("model"),
    expiresAtS: session.numberOrNull("expires_at"),
    inputFormat: readFormat(audio?.objectOrNull("input") ?? null),
    outputFormat: readFormat(audio?.objectOrNull("output") ?? null),
  };
}

function readFormat(direction: Fields | null): string | null {
  return direction?.objectOrNull("format")?.idOrNull("type") ?? null;
}

const RESPONSE_STATUS = new Map<string | null, ResponseStatus>([
  ["in_progress", "in_progress"],
  ["completed", "completed"],
  ["cancelled", "cancelled"],
  ["failed", "failed"],
  ["incomplete", "incomplete"],
]);

/**
 * Reads a response leniently, because its end counts whatever else is in it: an item that cannot be
 * read becomes an unknown one, and details, metadata or usage that cannot be read become none.
 */
export function readResponse(response: Fields): ResponseObject {
  const details = lenient(() => response.objectOrNull("status_details"), null);
  const error = lenient(() => details?.objectOrNull("error") ?? null, null);
  return {
    id: response.id("id") as ResponseId,
    status: RESPONSE_STATUS.get(textOrNull(response, "status")) ?? "unknown",
    statusDetails:
      details === null
        ? null
        : {
            reason: textOrNull(details, "reason"),
            errorType: textOrNull(error, "type"),
            errorCode: textOrNull(error, "code"),
            errorMessage: textOrNull(error, "message"),
          },
    output: readOutput(response),
    conversationId: textOrNull(response, "conversation_id"),
    metadata: lenient(() => (response.has("metadata") ? response.stringMap("metadata") : {}), {}),
    usage: lenient(() => readUsage(response.objectOrNull("usage")), null),
  };
}

function textOrNull(object: Fields | null, key: string): string | null {
  return lenient(() => object?.stringOrNull(key) ?? null, null);
}

/** What `read` gives, or `otherwise` when the server wrote something else there. */
function lenient<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return otherwise;
  }
}

function readUsage(usage: Fields | null): ResponseUsage | null {
  if (usage === null) return null;
  const input = usage.objectOrNull("input_token_details");
  return {
    inputTokens: tokensOrNull(usage, "input_tokens"),
    outputTokens: tokensOrNull(usage, "output_tokens"),
    input: readTokenDetails(input),
    cachedTokens: input === null ? null : tokensOrNull(input, "cached_tokens"),
    cached: readTokenDetails(input?.objectOrNull("cached_tokens_details") ?? null),
    output: readTokenDetails(usage.objectOrNull("output_token_details")),
  };
}

function readTokenDetails(details: Fields | null): TokenDetails | null {
  if (details === null) return null;
  return {
    textTokens: tokensOrNull(details, "text_tokens"),
    audioTokens: tokensOrNull(details, "audio_tokens"),
    imageTokens: tokensOrNull(details, "image_tokens"),
  };
}

function tokensOrNull(usage: Fields, key: string): number | null {
  const tokens = usage.countOrNull(key);
  if (tokens !== null && tokens > MAX_TOKENS)
    throw usage.fault(key, "is more than any response has");
  return tokens;
}

/**
 * Reads the usage of a transcription event. Null when there is none, when it cannot be right, or
 * when it is billed in a way that this version does not know: the text counts, not its price.
 */
export function readTranscriptionUsage(event: Fields): TranscriptionUsage | null {
  return lenient(() => readBilling(event.objectOrNull("usage")), null);
}

function readBilling(usage: Fields | null): TranscriptionUsage | null {
  if (usage === null) return null;
  const type = usage.id("type");
  if (type === "duration") {
    const seconds = usage.number("seconds");
    if (seconds < 0 || seconds > MAX_TRANSCRIBED_S)
      throw usage.fault("seconds", "is not the length of a turn");
    return { type, seconds };
  }
  if (type !== "tokens") return null;
  return {
    type,
    inputTokens: tokensOrNull(usage, "input_tokens") ?? 0,
    outputTokens: tokensOrNull(usage, "output_tokens") ?? 0,
    totalTokens: tokensOrNull(usage, "total_tokens") ?? 0,
  };
}

export function readFault(error: Fields): ServerFault {
  return {
    type: textOrNull(error, "type"),
    code: textOrNull(error, "code"),
    message: textOrNull(error, "message"),
    param: textOrNull(error, "param"),
    eventId: textOrNull(error, "event_id"),
  };
}

/** The limits of `rate_limits.updated`, without those that cannot be read. */
export function readRateLimits(event: Fields): RateLimit[] {
  return event.objectsAmong("rate_limits").flatMap((limit) => {
    const name = textOrNull(limit, "name");
    if (name === null) return [];
    const number = (key: string) => lenient(() => limit.numberOrNull(key), null);
    return [
      {
        name,
        limit: number("limit"),
        remaining: number("remaining"),
        resetSeconds: number("reset_seconds"),
      },
    ];
  });
}
