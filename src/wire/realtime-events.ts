/**
 * OpenAI Realtime (GA): the events that the server sends, as one closed union. `realtime.ts` reads
 * them; `realtime-client.ts` holds what we send, `realtime-audio.ts` the two events with sound.
 *
 * Orders of arrival are usual, never promised: nothing here depends on one.
 * Source: OpenAI, Realtime server events.
 */
import type { ItemId, ResponseId, ToolCallId } from "../domain/ids.js";
import type { ContentPart, RealtimeItem } from "./realtime-items.js";
import type {
  RateLimit,
  ResponseObject,
  ServerFault,
  SessionInfo,
  TranscriptionUsage,
} from "./realtime-objects.js";

/** Which part of which item of which response an event is about. */
export interface PartRef {
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
  /** `delta` is base64 of any length and stands alone. `scanDelta` reads it without a string. */
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
  /** An event that this version does not know: counted, not fatal. */
  | { readonly type: "unknown"; readonly name: string };

export type ServerEventType = Exclude<ServerEvent["type"], "unknown">;
