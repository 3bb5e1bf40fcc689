/**
 * OpenAI Realtime (GA), what the server sends: JSON text frames, one event each. What we send is in `realtime-client.ts`,
 * the two events that carry sound in `realtime-audio.ts`.
 *
 * Orders of arrival are usual, never promised: nothing here depends on one.
 * Source: OpenAI, Realtime server events.
 */
import type { ItemId, ResponseId, ToolCallId } from "../domain/ids.js";
import { Fields } from "./fields.js";
import {
  type ContentPart,
  MAX_SERVER_EVENT_BYTES,
  type RateLimit,
  type RealtimeItem,
  type ResponseObject,
  readFault,
  readItem,
  readPart,
  readRateLimit,
  readResponse,
  readSession,
  readTranscriptionUsage,
  type ServerFault,
  type SessionInfo,
  type TranscriptionUsage,
} from "./realtime-objects.js";

/** Which part of which item of which response an event is about. */
interface PartRef {
  readonly responseId: ResponseId;
  readonly itemId: ItemId;
  readonly contentIndex: number;
}

export type ServerEvent =
  | { readonly type: "session.created" | "session.updated"; readonly session: SessionInfo }
  | {
      readonly type: "conversation.item.added" | "conversation.item.done";
      readonly item: RealtimeItem;
      readonly previousItemId: ItemId | null;
    }
  | { readonly type: "conversation.item.retrieved"; readonly item: RealtimeItem }
  | { readonly type: "conversation.item.deleted"; readonly itemId: ItemId }
  | {
      readonly type: "conversation.item.truncated";
      readonly itemId: ItemId;
      readonly contentIndex: number;
      readonly audioEndMs: number;
    }
  | {
      readonly type: "conversation.item.input_audio_transcription.delta";
      readonly itemId: ItemId;
      readonly delta: string;
    }
  | {
      readonly type: "conversation.item.input_audio_transcription.completed";
      readonly itemId: ItemId;
      readonly transcript: string;
      readonly usage: TranscriptionUsage | null;
    }
  | {
      readonly type: "conversation.item.input_audio_transcription.segment";
      readonly itemId: ItemId;
      readonly text: string;
      readonly speaker: string | null;
      readonly startS: number;
      readonly endS: number;
    }
  | {
      readonly type: "conversation.item.input_audio_transcription.failed";
      readonly itemId: ItemId;
      readonly error: ServerFault;
    }
  /** `audioStartMs` counts all audio appended, and includes the padding. */
  | {
      readonly type: "input_audio_buffer.speech_started";
      readonly itemId: ItemId;
      readonly audioStartMs: number;
    }
  /** `audioEndMs` includes the silence that ended the turn. */
  | {
      readonly type: "input_audio_buffer.speech_stopped";
      readonly itemId: ItemId;
      readonly audioEndMs: number;
    }
  | {
      readonly type: "input_audio_buffer.committed";
      readonly itemId: ItemId;
      readonly previousItemId: ItemId | null;
    }
  | { readonly type: "input_audio_buffer.cleared" }
  | {
      readonly type: "input_audio_buffer.timeout_triggered";
      readonly itemId: ItemId;
      readonly audioStartMs: number;
      readonly audioEndMs: number;
    }
  /** SIP only. */
  | { readonly type: "input_audio_buffer.dtmf_event_received"; readonly digit: string }
  | { readonly type: "response.created" | "response.done"; readonly response: ResponseObject }
  | {
      readonly type: "response.output_item.added" | "response.output_item.done";
      readonly responseId: ResponseId;
      readonly item: RealtimeItem;
    }
  | (PartRef & {
      readonly type: "response.content_part.added" | "response.content_part.done";
      readonly part: ContentPart;
    })
  /** `delta` is base64 of any length; it stands alone. `scanDelta` reads the same without making a string. */
  | (PartRef & { readonly type: "response.output_audio.delta"; readonly delta: string })
  | (PartRef & { readonly type: "response.output_audio.done" })
  | (PartRef & {
      readonly type: "response.output_audio_transcript.delta" | "response.output_text.delta";
      readonly delta: string;
    })
  | (PartRef & {
      readonly type: "response.output_audio_transcript.done";
      readonly transcript: string;
    })
  | (PartRef & { readonly type: "response.output_text.done"; readonly text: string })
  | {
      readonly type: "response.function_call_arguments.delta";
      readonly responseId: ResponseId;
      readonly itemId: ItemId;
      readonly callId: ToolCallId;
      readonly delta: string;
    }
  | {
      readonly type: "response.function_call_arguments.done";
      readonly responseId: ResponseId;
      readonly itemId: ItemId;
      readonly callId: ToolCallId;
      readonly arguments: string;
    }
  | { readonly type: "rate_limits.updated"; readonly limits: readonly RateLimit[] }
  /** SIP and WebRTC only. */
  | {
      readonly type:
        | "output_audio_buffer.started"
        | "output_audio_buffer.stopped"
        | "output_audio_buffer.cleared";
      readonly responseId: ResponseId | null;
    }
  | {
      readonly type:
        | "mcp_list_tools.in_progress"
        | "mcp_list_tools.completed"
        | "mcp_list_tools.failed"
        | "response.mcp_call.in_progress"
        | "response.mcp_call.completed"
        | "response.mcp_call.failed";
      readonly itemId: ItemId;
    }
  | {
      readonly type: "response.mcp_call_arguments.delta" | "response.mcp_call_arguments.done";
      readonly responseId: ResponseId;
      readonly itemId: ItemId;
    }
  | { readonly type: "error"; readonly error: ServerFault }
  /** A name we do not know: counted, not fatal. */
  | { readonly type: "unknown"; readonly name: string };

export type ServerEventType = Exclude<ServerEvent["type"], "unknown">;

/**
 * Reads any event of the server's. `bytes` may be reused afterwards.
 *
 * @throws WireError for what is too long, not JSON, or lacks a field that we use; nothing of the event is in it.
 */
export function parseServerEvent(bytes: Uint8Array): ServerEvent {
  const event = Fields.parse(bytes, MAX_SERVER_EVENT_BYTES, "realtime");
  const type = event.id("type");
  return isKnown(type) ? READERS[type](event) : { type: "unknown", name: type };
}

function isKnown(type: string): type is ServerEventType {
  return Object.hasOwn(READERS, type);
}

/** The compiler sees to it that no arm of the union lacks its reader, nor has another's. */
const READERS: {
  readonly [T in ServerEventType]: (event: Fields) => ServerEvent & { readonly type: T };
} = {
  "session.created": (e) => ({
    type: "session.created",
    session: readSession(e.object("session")),
  }),
  "session.updated": (e) => ({
    type: "session.updated",
    session: readSession(e.object("session")),
  }),
  "conversation.item.added": (e) => ({
    type: "conversation.item.added",
    ...readConversationItem(e),
  }),
  "conversation.item.done": (e) => ({ type: "conversation.item.done", ...readConversationItem(e) }),
  "conversation.item.retrieved": (e) => ({
    type: "conversation.item.retrieved",
    item: readItem(e.object("item")),
  }),
  "conversation.item.deleted": (e) => ({ type: "conversation.item.deleted", itemId: itemId(e) }),
  "conversation.item.truncated": (e) => ({
    type: "conversation.item.truncated",
    itemId: itemId(e),
    contentIndex: e.count("content_index"),
    audioEndMs: e.count("audio_end_ms"),
  }),
  "conversation.item.input_audio_transcription.delta": (e) => ({
    type: "conversation.item.input_audio_transcription.delta",
    itemId: itemId(e),
    delta: e.stringOrNull("delta") ?? "",
  }),
  "conversation.item.input_audio_transcription.completed": (e) => ({
    type: "conversation.item.input_audio_transcription.completed",
    itemId: itemId(e),
    transcript: e.string("transcript"),
    usage: e.has("usage") ? readTranscriptionUsage(e.object("usage")) : null,
  }),
  "conversation.item.input_audio_transcription.segment": (e) => ({
    type: "conversation.item.input_audio_transcription.segment",
    itemId: itemId(e),
    text: e.string("text"),
    speaker: e.stringOrNull("speaker"),
    startS: e.number("start"),
    endS: e.number("end"),
  }),
  "conversation.item.input_audio_transcription.failed": (e) => ({
    type: "conversation.item.input_audio_transcription.failed",
    itemId: itemId(e),
    error: readFault(e.object("error")),
  }),
  "input_audio_buffer.speech_started": (e) => ({
    type: "input_audio_buffer.speech_started",
    itemId: itemId(e),
    audioStartMs: e.number("audio_start_ms"),
  }),
  "input_audio_buffer.speech_stopped": (e) => ({
    type: "input_audio_buffer.speech_stopped",
    itemId: itemId(e),
    audioEndMs: e.number("audio_end_ms"),
  }),
  "input_audio_buffer.committed": (e) => ({
    type: "input_audio_buffer.committed",
    itemId: itemId(e),
    previousItemId: e.idOrNull("previous_item_id") as ItemId | null,
  }),
  "input_audio_buffer.cleared": () => ({ type: "input_audio_buffer.cleared" }),
  "input_audio_buffer.timeout_triggered": (e) => ({
    type: "input_audio_buffer.timeout_triggered",
    itemId: itemId(e),
    audioStartMs: e.number("audio_start_ms"),
    audioEndMs: e.number("audio_end_ms"),
  }),
  "input_audio_buffer.dtmf_event_received": (e) => ({
    type: "input_audio_buffer.dtmf_event_received",
    digit: e.id("event"),
  }),
  "response.created": (e) => ({
    type: "response.created",
    response: readResponse(e.object("response")),
  }),
  "response.done": (e) => ({ type: "response.done", response: readResponse(e.object("response")) }),
  "response.output_item.added": (e) => ({
    type: "response.output_item.added",
    ...readOutputItem(e),
  }),
  "response.output_item.done": (e) => ({ type: "response.output_item.done", ...readOutputItem(e) }),
  "response.content_part.added": (e) => ({
    type: "response.content_part.added",
    ...readPartRef(e),
    part: readPart(e.object("part")),
  }),
  "response.content_part.done": (e) => ({
    type: "response.content_part.done",
    ...readPartRef(e),
    part: readPart(e.object("part")),
  }),
  "response.output_audio.delta": (e) => ({
    type: "response.output_audio.delta",
    ...readPartRef(e),
    delta: e.string("delta"),
  }),
  "response.output_audio.done": (e) => ({ type: "response.output_audio.done", ...readPartRef(e) }),
  "response.output_audio_transcript.delta": (e) => ({
    type: "response.output_audio_transcript.delta",
    ...readPartRef(e),
    delta: e.string("delta"),
  }),
  "response.output_audio_transcript.done": (e) => ({
    type: "response.output_audio_transcript.done",
    ...readPartRef(e),
    transcript: e.string("transcript"),
  }),
  "response.output_text.delta": (e) => ({
    type: "response.output_text.delta",
    ...readPartRef(e),
    delta: e.string("delta"),
  }),
  "response.output_text.done": (e) => ({
    type: "response.output_text.done",
    ...readPartRef(e),
    text: e.string("text"),
  }),
  "response.function_call_arguments.delta": (e) => ({
    type: "response.function_call_arguments.delta",
    responseId: responseId(e),
    itemId: itemId(e),
    callId: callId(e),
    delta: e.string("delta"),
  }),
  "response.function_call_arguments.done": (e) => ({
    type: "response.function_call_arguments.done",
    responseId: responseId(e),
    itemId: itemId(e),
    callId: callId(e),
    arguments: e.string("arguments"),
  }),
  "rate_limits.updated": (e) => ({
    type: "rate_limits.updated",
    limits: e.objects("rate_limits").map(readRateLimit),
  }),
  "output_audio_buffer.started": (e) => ({
    type: "output_audio_buffer.started",
    responseId: responseIdOrNull(e),
  }),
  "output_audio_buffer.stopped": (e) => ({
    type: "output_audio_buffer.stopped",
    responseId: responseIdOrNull(e),
  }),
  "output_audio_buffer.cleared": (e) => ({
    type: "output_audio_buffer.cleared",
    responseId: responseIdOrNull(e),
  }),
  "mcp_list_tools.in_progress": (e) => ({ type: "mcp_list_tools.in_progress", itemId: itemId(e) }),
  "mcp_list_tools.completed": (e) => ({ type: "mcp_list_tools.completed", itemId: itemId(e) }),
  "mcp_list_tools.failed": (e) => ({ type: "mcp_list_tools.failed", itemId: itemId(e) }),
  "response.mcp_call.in_progress": (e) => ({
    type: "response.mcp_call.in_progress",
    itemId: itemId(e),
  }),
  "response.mcp_call.completed": (e) => ({
    type: "response.mcp_call.completed",
    itemId: itemId(e),
  }),
  "response.mcp_call.failed": (e) => ({ type: "response.mcp_call.failed", itemId: itemId(e) }),
  "response.mcp_call_arguments.delta": (e) => ({
    type: "response.mcp_call_arguments.delta",
    responseId: responseId(e),
    itemId: itemId(e),
  }),
  "response.mcp_call_arguments.done": (e) => ({
    type: "response.mcp_call_arguments.done",
    responseId: responseId(e),
    itemId: itemId(e),
  }),
  error: (e) => ({ type: "error", error: readFault(e.object("error")) }),
};

function itemId(event: Fields): ItemId {
  return event.id("item_id") as ItemId;
}

function responseId(event: Fields): ResponseId {
  return event.id("response_id") as ResponseId;
}

function responseIdOrNull(event: Fields): ResponseId | null {
  return event.idOrNull("response_id") as ResponseId | null;
}

function callId(event: Fields): ToolCallId {
  return event.id("call_id") as ToolCallId;
}

function readPartRef(event: Fields): PartRef {
  return {
    responseId: responseId(event),
    itemId: itemId(event),
    contentIndex: event.count("content_index"),
  };
}

function readConversationItem(event: Fields): {
  item: RealtimeItem;
  previousItemId: ItemId | null;
} {
  return {
    item: readItem(event.object("item")),
    previousItemId: event.idOrNull("previous_item_id") as ItemId | null,
  };
}

function readOutputItem(event: Fields): { responseId: ResponseId; item: RealtimeItem } {
  return { responseId: responseId(event), item: readItem(event.object("item")) };
}
