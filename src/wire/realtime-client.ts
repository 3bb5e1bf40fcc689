/**
 * OpenAI Realtime (GA): the events that the relay sends. Names are those of the wire, so that a
 * value of these types is sent as it is, and a field that the API does not have cannot be written.
 * Left out is what the GA API dropped, and what it is about to drop (`prompt`).
 *
 * Source: OpenAI, Realtime client events.
 */
import type { ItemId, ResponseId, ToolCallId } from "../domain/ids.js";

/** Only PCM has a `rate`: the server refuses one for the telephone formats. */
export type AudioFormat =
  | { readonly type: "audio/pcmu" }
  | { readonly type: "audio/pcma" }
  | { readonly type: "audio/pcm"; readonly rate: 24000 };

export type SessionTurnDetection =
  | {
      readonly type: "server_vad";
      readonly threshold?: number;
      readonly prefix_padding_ms?: number;
      readonly silence_duration_ms?: number;
      readonly idle_timeout_ms?: number | null;
      readonly create_response?: boolean;
      readonly interrupt_response?: boolean;
    }
  | {
      readonly type: "semantic_vad";
      readonly eagerness?: "low" | "medium" | "high" | "auto";
      readonly create_response?: boolean;
      readonly interrupt_response?: boolean;
    };

export interface SessionTranscription {
  readonly model: string;
  /** ISO 639-1. */
  readonly language?: string;
  readonly prompt?: string;
  readonly languages?: readonly string[];
  readonly keywords?: readonly string[];
}

export interface FunctionTool {
  readonly type: "function";
  readonly name: string;
  readonly description: string;
  /** JSON Schema. */
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** As the agents file has it; OpenAI calls the MCP server itself. */
export interface McpTool {
  readonly type: "mcp";
  readonly [field: string]: unknown;
}

export type SessionTool = FunctionTool | McpTool;

export type ToolChoice =
  | "auto"
  | "none"
  | "required"
  | { readonly type: "function"; readonly name: string }
  | { readonly type: "mcp"; readonly server_label: string; readonly name?: string };

/** Only one of them: the server refuses both together. */
export type OutputModalities = readonly ["audio"] | readonly ["text"];

/** A configuration. What is absent stays as it is. It is also the body that accepts a SIP call. */
export interface RealtimeSession {
  readonly type: "realtime";
  /** Only where no URL names the model (SIP accept). It cannot be changed. */
  readonly model?: string;
  readonly output_modalities?: OutputModalities;
  /** "" clears. */
  readonly instructions?: string;
  readonly audio?: {
    readonly input?: {
      readonly format?: AudioFormat;
      readonly noise_reduction?: { readonly type: "near_field" | "far_field" } | null;
      readonly transcription?: SessionTranscription | null;
      readonly turn_detection?: SessionTurnDetection | null;
    };
    readonly output?: {
      readonly format?: AudioFormat;
      /** A name, or the id of a custom voice. It cannot change once the model has spoken. */
      readonly voice?: string | { readonly id: string };
      /** 0.25 to 1.5; changes only between turns. */
      readonly speed?: number;
    };
  };
  readonly tools?: readonly SessionTool[];
  readonly tool_choice?: ToolChoice;
  /** 1–4096. */
  readonly max_output_tokens?: number | "inf";
  readonly truncation?:
    | "auto"
    | "disabled"
    | {
        readonly type: "retention_ratio";
        readonly retention_ratio: number;
        readonly token_limits?: { readonly post_instructions: number };
      };
  readonly tracing?: "auto" | null;
  readonly parallel_tool_calls?: boolean;
  readonly reasoning?: { readonly effort: "minimal" | "low" | "medium" | "high" | "xhigh" };
}

/** An item that a client may create. One of the assistant can hold text only. */
export type NewItem =
  | {
      readonly type: "message";
      readonly id?: ItemId;
      readonly role: "user";
      readonly content: readonly { readonly type: "input_text"; readonly text: string }[];
    }
  | {
      readonly type: "message";
      readonly id?: ItemId;
      readonly role: "system";
      readonly content: readonly { readonly type: "input_text"; readonly text: string }[];
    }
  | {
      readonly type: "message";
      readonly id?: ItemId;
      readonly role: "assistant";
      readonly content: readonly { readonly type: "output_text"; readonly text: string }[];
    }
  | {
      readonly type: "function_call";
      readonly id?: ItemId;
      readonly call_id: ToolCallId;
      readonly name: string;
      readonly arguments: string;
    }
  | {
      readonly type: "function_call_output";
      readonly id?: ItemId;
      readonly call_id: ToolCallId;
      readonly output: string;
    }
  | {
      readonly type: "mcp_approval_response";
      readonly id: ItemId;
      readonly approval_request_id: ItemId;
      readonly approve: boolean;
      readonly reason?: string;
    };

/** What is absent comes from the session. */
export interface ResponseRequest {
  /** They replace those of the session for this response. */
  readonly instructions?: string;
  readonly output_modalities?: OutputModalities;
  readonly audio?: {
    readonly output: {
      readonly format?: AudioFormat;
      readonly voice?: string | { readonly id: string };
    };
  };
  readonly tools?: readonly SessionTool[];
  readonly tool_choice?: ToolChoice;
  readonly max_output_tokens?: number | "inf";
  /** "none": the response runs beside the conversation and leaves nothing in it. */
  readonly conversation?: "auto" | "none";
  readonly input?: readonly (NewItem | { readonly type: "item_reference"; readonly id: ItemId })[];
  /** At most 16 pairs, 64 and 512 characters. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly parallel_tool_calls?: boolean;
  readonly reasoning?: { readonly effort: "minimal" | "low" | "medium" | "high" | "xhigh" };
}

type ClientEventBody =
  | { readonly type: "session.update"; readonly session: RealtimeSession }
  /** For tests: the relay writes audio with AppendWriter. */
  | { readonly type: "input_audio_buffer.append"; readonly audio: string }
  | { readonly type: "input_audio_buffer.commit" }
  | { readonly type: "input_audio_buffer.clear" }
  | {
      readonly type: "conversation.item.create";
      readonly item: NewItem;
      /** "root" puts the item first; when absent, it comes last. */
      readonly previous_item_id?: ItemId | "root";
    }
  | { readonly type: "conversation.item.retrieve"; readonly item_id: ItemId }
  | { readonly type: "conversation.item.delete"; readonly item_id: ItemId }
  | {
      readonly type: "conversation.item.truncate";
      readonly item_id: ItemId;
      readonly content_index: number;
      /** An integer: the length to keep, in ms from the start of this item's audio. */
      readonly audio_end_ms: number;
    }
  | { readonly type: "response.create"; readonly response?: ResponseRequest }
  | { readonly type: "response.cancel"; readonly response_id?: ResponseId }
  /** SIP and WebRTC only; after `response.cancel`. */
  | { readonly type: "output_audio_buffer.clear" };

/**
 * The server repeats `event_id` (at most 512 characters) as `error.event_id` when an event fails.
 */
export type ClientEvent = ClientEventBody & { readonly event_id?: string };

const encoder = new TextEncoder();

/** One text frame. The caller owns the bytes. */
export function encodeClientEvent(event: ClientEvent): Uint8Array {
  return encoder.encode(JSON.stringify(event));
}
