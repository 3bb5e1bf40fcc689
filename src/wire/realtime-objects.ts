/**
 * The objects that Realtime (GA) events carry: sessions, items, responses, usage, faults. Field names are ours; ids are
 * branded. What the API leaves out or sets to null is null here.
 * Source: OpenAI, Realtime server events.
 */
import type { ItemId, ResponseId, ToolCallId } from "../domain/ids.js";
import type { Fields } from "./fields.js";

/** An item's audio may come back whole in `conversation.item.retrieved`; all else is small. */
export const MAX_SERVER_EVENT_BYTES = 16 * 1024 * 1024;

export interface SessionInfo {
  readonly id: string | null;
  readonly model: string | null;
  /** Unix seconds at which the server will close the session. */
  readonly expiresAtS: number | null;
  /** "audio/pcmu" once our configuration holds; the server starts at 24 kHz PCM. */
  readonly inputFormat: string | null;
  readonly outputFormat: string | null;
}

export type ItemStatus = "completed" | "incomplete" | "in_progress";
export type ItemRole = "user" | "assistant" | "system";

export interface MessageItem {
  readonly type: "message";
  readonly id: ItemId;
  readonly role: ItemRole;
  readonly status: ItemStatus | null;
  readonly content: readonly ContentPart[];
}

export interface FunctionCallItem {
  readonly type: "function_call";
  readonly id: ItemId;
  readonly callId: ToolCallId;
  readonly name: string;
  /** JSON text; half-written unless `status` is "completed". */
  readonly arguments: string;
  readonly status: ItemStatus | null;
}

export interface FunctionCallOutputItem {
  readonly type: "function_call_output";
  readonly id: ItemId;
  readonly callId: ToolCallId;
}

/** MCP items among them. */
export interface UnknownItem {
  readonly type: "unknown";
  readonly id: ItemId | null;
  readonly name: string;
}

export type RealtimeItem = MessageItem | FunctionCallItem | FunctionCallOutputItem | UnknownItem;

/** Any kind of content; audio data itself is not kept. */
export interface ContentPart {
  /** "output_audio", "input_text", … as the API says. */
  readonly kind: string;
  readonly text: string | null;
  readonly transcript: string | null;
}

/** "unknown": a status the API did not have when this was written; the response is over if the event is `response.done`. */
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

const ITEM_STATUS = new Map<string | null, ItemStatus>([
  ["completed", "completed"],
  ["incomplete", "incomplete"],
  ["in_progress", "in_progress"],
]);

export function readItem(item: Fields): RealtimeItem {
  const type = item.id("type");
  const status = ITEM_STATUS.get(item.stringOrNull("status")) ?? null;
  switch (type) {
    case "message": {
      const role = item.id("role");
      if (role !== "user" && role !== "assistant" && role !== "system") break;
      const content = item.has("content") ? item.objects("content").map(readPart) : [];
      return { type, id: item.id("id") as ItemId, role, status, content };
    }
    case "function_call":
      return {
        type,
        id: item.id("id") as ItemId,
        callId: item.id("call_id") as ToolCallId,
        name: item.id("name"),
        arguments: item.stringOrNull("arguments") ?? "",
        status,
      };
    case "function_call_output":
      return { type, id: item.id("id") as ItemId, callId: item.id("call_id") as ToolCallId };
  }
  return { type: "unknown", id: item.idOrNull("id") as ItemId | null, name: type };
}

export function readPart(part: Fields): ContentPart {
  return {
    kind: part.id("type"),
    text: part.stringOrNull("text"),
    transcript: part.stringOrNull("transcript"),
  };
}

const RESPONSE_STATUS = new Map<string | null, ResponseStatus>([
  ["in_progress", "in_progress"],
  ["completed", "completed"],
  ["cancelled", "cancelled"],
  ["failed", "failed"],
  ["incomplete", "incomplete"],
]);

export function readResponse(response: Fields): ResponseObject {
  const details = response.objectOrNull("status_details");
  const error = details?.objectOrNull("error") ?? null;
  return {
    id: response.id("id") as ResponseId,
    status: RESPONSE_STATUS.get(response.stringOrNull("status")) ?? "unknown",
    statusDetails:
      details === null
        ? null
        : {
            reason: details.stringOrNull("reason"),
            errorType: error?.stringOrNull("type") ?? null,
            errorCode: error?.stringOrNull("code") ?? null,
            errorMessage: error?.stringOrNull("message") ?? null,
          },
    output: response.has("output") ? response.objects("output").map(readItem) : [],
    conversationId: response.idOrNull("conversation_id"),
    metadata: response.has("metadata") ? response.stringMap("metadata") : {},
    usage: readUsage(response.objectOrNull("usage")),
  };
}

function readUsage(usage: Fields | null): ResponseUsage | null {
  if (usage === null) return null;
  const input = usage.objectOrNull("input_token_details");
  return {
    inputTokens: usage.countOrNull("input_tokens"),
    outputTokens: usage.countOrNull("output_tokens"),
    input: readTokenDetails(input),
    cachedTokens: input?.countOrNull("cached_tokens") ?? null,
    cached: readTokenDetails(input?.objectOrNull("cached_tokens_details") ?? null),
    output: readTokenDetails(usage.objectOrNull("output_token_details")),
  };
}

function readTokenDetails(details: Fields | null): TokenDetails | null {
  if (details === null) return null;
  return {
    textTokens: details.countOrNull("text_tokens"),
    audioTokens: details.countOrNull("audio_tokens"),
    imageTokens: details.countOrNull("image_tokens"),
  };
}

/** Null for a way of billing that did not exist when this was written. */
export function readTranscriptionUsage(usage: Fields): TranscriptionUsage | null {
  const type = usage.id("type");
  if (type === "duration") return { type, seconds: usage.number("seconds") };
  if (type !== "tokens") return null;
  return {
    type,
    inputTokens: usage.countOrNull("input_tokens") ?? 0,
    outputTokens: usage.countOrNull("output_tokens") ?? 0,
    totalTokens: usage.countOrNull("total_tokens") ?? 0,
  };
}

export function readFault(error: Fields): ServerFault {
  return {
    type: error.stringOrNull("type"),
    code: error.stringOrNull("code"),
    message: error.stringOrNull("message"),
    param: error.stringOrNull("param"),
    eventId: error.stringOrNull("event_id"),
  };
}

export function readRateLimit(limit: Fields): RateLimit {
  return {
    name: limit.string("name"),
    limit: limit.numberOrNull("limit"),
    remaining: limit.numberOrNull("remaining"),
    resetSeconds: limit.numberOrNull("reset_seconds"),
  };
}
