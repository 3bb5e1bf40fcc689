/** Reads what the OpenAI Realtime (GA) server sends: JSON text frames, one event each. */
import type { ItemId, ResponseId, ToolCallId } from "../domain/ids.js";
import { Fields } from "./fields.js";
import type { PartRef, ServerEvent, ServerEventType } from "./realtime-events.js";
import { type RealtimeItem, readItem, readPart } from "./realtime-items.js";
import {
  MAX_SERVER_EVENT_BYTES,
  readFault,
  readRateLimits,
  readResponse,
  readSession,
  readTranscriptionUsage,
} from "./realtime-objects.js";

/**
 * Reads one event of the server. `bytes` may be reused afterwards.
 *
 * @throws  WireError when the event is too long, is not JSON, or lacks a field that the relay
 * needs.
 *          The error quotes nothing of the event. Nothing else is ever thrown.
 */
export function parseServerEvent(bytes: Uint8Array): ServerEvent {
  const event = Fields.parse(bytes, MAX_SERVER_EVENT_BYTES, "realtime");
  const type = event.id("type");
  return isKnown(type) ? READERS[type](event) : { type: "unknown", name: type };
}

function isKnown(type: string): type is ServerEventType {
  return Object.hasOwn(READERS, type);
}

/** The compiler checks that each arm of the union has its own reader. */
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
    usage: readTranscriptionUsage(e),
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
    audioStartMs: positionMs(e, "audio_start_ms"),
  }),
  "input_audio_buffer.speech_stopped": (e) => ({
    type: "input_audio_buffer.speech_stopped",
    itemId: itemId(e),
    audioEndMs: positionMs(e, "audio_end_ms"),
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
    audioStartMs: positionMs(e, "audio_start_ms"),
    audioEndMs: positionMs(e, "audio_end_ms"),
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
    limits: readRateLimits(e),
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

/** In the audio of the session, which begins at 0. */
function positionMs(event: Fields, key: string): number {
  return Math.max(0, event.number(key));
}

function readPartRef(event: Fields): PartRef {
  return {
    responseId: responseId(event),
    itemId: itemId(event),
    // Spoken items have one part, the first.
    contentIndex: event.countOrNull("content_index") ?? 0,
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
