import type { ModelSettings, TurnDetection } from "../../domain/agent-profile.js";
import type { ErrorCode } from "../../domain/errors.js";
import type { ItemId, ResponseId, ToolCallId } from "../../domain/ids.js";
import type { TokenUsage } from "../../domain/record-event.js";
import type { Log } from "../../ports/log.js";
import type { UpstreamDialer } from "../../ports/sockets.js";

/**
 * One conversation with one model, whatever protocol carries it. A call speaks only this language;
 * `openai-realtime/` is the first implementation. Where protocols differ in what they can do, a
 * capability says so.
 */
export interface ModelSession {
  readonly capabilities: ModelCapabilities;
  /** Sends caller audio: base64 mu-law exactly as it came, in order. Only while it is ready. */
  append(base64: Uint8Array, start: number, end: number): void;
  /** The same for mu-law bytes: silence that fills gaps, and frames that waited. */
  appendUlaw(ulaw: Uint8Array, start: number, end: number): void;
  /** Makes the model speak first. Dropped when the server answers the caller before that. */
  greet(instructions: string): void;
  /** Makes the model speak, a farewell or an announcement, as soon as it may begin. */
  speak(instructions: string): void;
  /** Makes the model reply to the conversation as it stands, as soon as it may begin. */
  requestResponse(): void;
  /** The same for a reply that did not come, unless one is requested, generated or waiting already. */
  askAgain(): void;
  /** Tells the model something that it should know but not read out. */
  note(text: string): void;
  /**
   * Adds a turn that the caller typed, and asks for the reply. What is being generated is cancelled.
   *
   * @param itemId  at most 32 characters, new in this session.
   */
  callerTyped(itemId: ItemId, text: string): void;
  /** Sends the results of one batch of tool calls and, if `requestReply`, asks for the reply. */
  toolResults(results: readonly ToolAnswer[], requestReply: boolean): void;
  /**
   * The caller interrupted. Late audio of these items is dropped.
   *
   * @param cuts  what the caller heard of each item that was cut, oldest first.
   */
  interrupted(cuts: readonly Truncation[]): void;
  /** Cancels what is being generated and forgets what waits to be said. */
  stopSpeaking(isHeard?: boolean): void;
  /** Changes that take effect between turns. A voice changes only before the model has spoken. */
  update(change: SessionChange): void;
  /** Nothing is being generated, and nothing waits to be said. */
  readonly quiet: boolean;
  /** Local VAD detected that the caller spoke and paused. A live server reports that soon. */
  callerPaused(): void;
  /**
   * The caller is silent, or has spoken for too long, although the server believes that they speak.
   * The next reply takes into account what they have said so far.
   */
  callerSilent(): void;
  /** Asks the server for a sign of life. A live server answers it: `probeAnswered`. */
  probe(): void;
  /**
   * When the server's last message arrived, on the clock of `tick`. Before the first message, when
   * the session was dialled.
   */
  readonly lastEventMs: number;
  /**
   * Does what is due by time alone. Called at least ten times a second: a gap of PROCESS_STALL_MS
   * between two calls counts as a process stall.
   */
  tick(nowMs: number): void;
  /** Idempotent. Nothing is reported after it. */
  close(): void;
}

export interface ModelCapabilities {
  /** The server detects the caller's turns, and its detection can be tuned during a call. */
  readonly tunesTurnDetection: boolean;
  /** Audio arrives faster than real time, so playout can pause without losing any. */
  readonly aheadOfRealTime: boolean;
}

export interface Truncation {
  readonly itemId: ItemId;
  readonly responseId: ResponseId;
  readonly contentIndex: number;
  readonly heardMs: number;
}

export interface ToolAnswer {
  readonly callId: ToolCallId;
  readonly output: string;
}

export interface ToolCall {
  readonly callId: ToolCallId;
  readonly name: string;
  /** JSON text as the model wrote it. */
  readonly arguments: string;
}

export interface SessionChange {
  readonly instructions?: string;
  readonly voice?: string;
  readonly turnDetection?: TurnDetection;
}

export type SessionTool =
  | {
      readonly type: "function";
      readonly name: string;
      readonly description: string;
      readonly parameters: Readonly<Record<string, unknown>>;
    }
  | {
      readonly type: "mcp";
      readonly label: string;
      readonly server: Readonly<Record<string, unknown>>;
    };

/**
 * Opens sessions with models. Each model protocol has its own implementation, in a folder beside
 * `openai-realtime/`.
 */
export interface ModelSessions {
  /** Dials and returns before the server has answered. The session reports to `lifecycle`. */
  open(request: SessionRequest): ModelSession;
}

export interface SessionRequest {
  readonly profile: SessionProfile;
  /** The conversation so far, for a model that joins during the call. */
  readonly history: readonly HistoryItem[];
  readonly audio: SessionAudio;
  readonly events: ModelSessionEvents;
  readonly lifecycle: ModelSessionLifecycle;
  /** The call's own. */
  readonly log: Log;
  /** Placed between the session and its socket and clock. Absent: nothing is. */
  readonly tap?: SessionTap;
}

/** How the audio of a session travels. */
export type SessionAudio =
  /** Through this process, both ways. */
  | { readonly path: "relayed"; readonly format: typeof RELAYED_FORMAT }
  /** Not through this process: the provider carries the call with this id (`rtc_…`) itself. */
  | { readonly path: "direct"; readonly callId: string };

/**
 * The one audio format of the relayed path: G.711 mu-law at 8 kHz, as Twilio sends and takes it.
 */
export const RELAYED_FORMAT = "audio/pcmu";

export const RELAYED_AUDIO: SessionAudio = { path: "relayed", format: RELAYED_FORMAT };

/** What the flight recorder puts between a session and its socket, and its clock. */
export interface SessionTap {
  dialer(inner: UpstreamDialer): UpstreamDialer;
  nowMs(): number;
}

/** What a session is opened with. */
export interface SessionProfile {
  readonly model: string;
  readonly voice: string;
  readonly instructions: string;
  readonly turnDetection: TurnDetection;
  readonly noiseReduction: "near_field" | "far_field" | null;
  readonly transcription: { readonly model: string; readonly language: string | null } | null;
  readonly tools: readonly SessionTool[];
  readonly settings?: ModelSettings;
}

/** One entry of the conversation so far. */
export type HistoryItem =
  | { readonly kind: "caller"; readonly text: string }
  | { readonly kind: "agent"; readonly text: string }
  | { readonly kind: "note"; readonly text: string }
  | {
      readonly kind: "tool";
      readonly callId: ToolCallId;
      readonly name: string;
      readonly arguments: string;
      readonly output: string;
    };

/** The item that audio belongs to. One object is reused for all audio of an item. */
export interface SpeechItem {
  readonly itemId: ItemId;
  readonly responseId: ResponseId;
  readonly contentIndex: number;
}

/** The beginning and the end of a session. */
export interface ModelSessionLifecycle {
  /** The session is configured and has the history. Once. */
  ready(): void;
  /** The session has ended without `close`, possibly before it was ready. Once, last. */
  lost(failure: SessionFailure): void;
}

/**
 * What a session reports to its call. Audio is passed as bytes that are valid only until the method
 * returns.
 */
export interface ModelSessionEvents {
  audio(item: SpeechItem, base64: Uint8Array, start: number, end: number): void;
  audioDone(itemId: ItemId): void;
  /**
   * What the agent says, at most 16 KiB of an item. While the text grows, `final` is false and
   * `text` is the addition.
   */
  agentText(itemId: ItemId, text: string, final: boolean): void;
  /** The agent's words came as text although audio was asked for: the caller does not hear them. */
  agentWrote(itemId: ItemId, text: string): void;
  callerText(itemId: ItemId, text: string): void;
  /** The caller's turn could not be transcribed: no text of it will come. */
  callerTextFailed(itemId: ItemId, code: string): void;
  callerSpeech(state: "started" | "stopped", itemId: ItemId, audioMs: number): void;
  /** The caller's turn has ended and is part of the conversation. */
  callerTurn(itemId: ItemId): void;
  responseStarted(responseId: ResponseId): void;
  /** A response has ended. Only complete tool calls are reported, not those that were cut off. */
  responseDone(end: ResponseEnd): void;
  usage(model: string, tokens: TokenUsage): void;
  transcriptionUsage(model: string, tokens: number, seconds: number): void;
  tokensRemaining(remaining: number, limit: number, resetSeconds: number): void;
  /** The caller was silent for the configured idle time. */
  idleTimeout(): void;
  /** The server refused something; the session goes on. */
  warning(code: string, about: "truncate" | "other"): void;
  /** The model's provider began to call a tool of an MCP server. */
  mcpCallStarted(call: McpCall): void;
  /** That call has ended. The session itself asks for the reply that must follow. */
  mcpCallEnded(call: McpCallEnd): void;
  /** The tools of an MCP server could not be listed, so the model has none of them. */
  mcpToolsFailed(serverLabel: string): void;
  /**
   * The server refused this part of the configuration. At the start of a session it is left out and
   * the session goes on without it. A later change is abandoned and the previous value stays.
   *
   * @param tool  the name of the refused tool when the part is one tool, otherwise null.
   */
  sessionPartRefused(part: SessionPart, tool: string | null): void;
  /** The server answered a probe. */
  probeAnswered(): void;
  /** Where the server plays the audio itself: playback began, ended, or was cut off. */
  playback?(what: "started" | "stopped" | "cleared", responseId: ResponseId | null): void;
  /** The server has truncated an item to what the caller heard. */
  cut?(itemId: ItemId, heardMs: number): void;
  /** The server received a key press. */
  key?(digit: string): void;
}

/** Stands for a response that was requested and never began. */
export const NO_RESPONSE = "" as ResponseId;

export interface ResponseEnd {
  readonly responseId: ResponseId;
  readonly status: "completed" | "cancelled" | "failed" | "incomplete";
  readonly calls: readonly ToolCall[];
  /** Whether any of its audio was passed on. */
  readonly spoke: boolean;
  /** Why it failed or is incomplete; null otherwise. */
  readonly problem: string | null;
  /** After a rate limit, the wait in ms that the server asked for; null when it named none. */
  readonly retryAfterMs: number | null;
  /**
   * The reply, if it came as text although audio was requested; otherwise null. The caller heard
   * nothing of it.
   */
  readonly textOnly: string | null;
  /** MCP calls of this response that still run. After the last one the session asks for a reply. */
  readonly mcpCalls: readonly ToolCallId[];
  /** How the model labelled its words; null when it did not. A commentary precedes a tool call. */
  readonly phase: "commentary" | "final_answer" | null;
}

/** A call that the model's provider makes to a tool of an MCP server. */
export interface McpCall {
  readonly callId: ToolCallId;
  readonly serverLabel: string;
  readonly name: string;
}

export interface McpCallEnd extends McpCall {
  /** JSON text as the model wrote it. */
  readonly arguments: string;
  /** Null when the call failed. */
  readonly output: string | null;
  /** What went wrong, in the server's words; null when the call succeeded. */
  readonly error: string | null;
  /** From its start to its end, as this session saw them. */
  readonly ms: number;
}

/** A part of a session's configuration that the server can refuse by itself. */
export type SessionPart =
  | "instructions"
  | "voice"
  | "speed"
  | "turn_detection"
  | "idle_timeout"
  | "noise_reduction"
  | "transcription"
  | "transcription_language"
  | "tool"
  | "reasoning"
  | "parallel_tool_calls"
  | "max_output_tokens"
  | "truncation"
  | "tracing";

export interface SessionFailure {
  readonly code: ErrorCode;
  /** False: another attempt would fail the same way (bad key, no quota). */
  readonly retryable: boolean;
  readonly detail: string;
}
