import type { ModelSettings, TurnDetection } from "../../domain/agent-profile.js";
import type { ErrorCode } from "../../domain/errors.js";
import type { ItemId, ResponseId, ToolCallId } from "../../domain/ids.js";
import type { TokenUsage } from "../../domain/record-event.js";
import type { UpstreamDialer } from "../../ports/sockets.js";

/**
 * One conversation with one model, whatever protocol carries it. A call speaks only this language;
 * `openai-realtime/` is the first implementation. Where protocols differ in what they can do, a
 * capability tells it.
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
  /** Tells the model something that it should know but not read out. */
  note(text: string): void;
  /** Gives the results of one batch of tool calls, then asks for the reply if `requestReply`. */
  toolResults(results: readonly ToolAnswer[], requestReply: boolean): void;
  /**
   * The caller interrupted. Late audio of these items is dropped.
   *
   * @param cuts  what the caller heard of each item that was cut, oldest first.
   */
  interrupted(cuts: readonly Truncation[]): void;
  /** Stops the model: cancels what is being generated, forgets what waits to be said. */
  stopSpeaking(): void;
  /** Changes that take effect between turns. A voice changes only before the model has spoken. */
  update(change: SessionChange): void;
  /** Nothing is being generated, and nothing waits to be said. */
  readonly quiet: boolean;
  /** The relay heard the caller speak and pause: a living model tells of it soon. */
  callerPaused(): void;
  /** The relay is sure that the caller is silent, although the server believes that they speak. */
  callerSilent(): void;
  /** Asks the server for a sign of life. A living server answers: `probeAnswered`. */
  probe(): void;
  /**
   * When the last message of the server came, on the clock of `tick`; at first, when it was
   * dialled.
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
  /** The server detects the caller's turns, and can be told to detect them otherwise. */
  readonly tunesTurnDetection: boolean;
  /** Audio comes faster than real time, so that playout can pause and lose nothing. */
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
 * Opens sessions with models, by whatever protocol the model speaks. A second protocol is a second
 * implementation, in a folder beside `openai-realtime/`.
 */
export interface ModelSessions {
  /** Dials at once and returns before there is an answer; the session reports to `lifecycle`. */
  open(request: SessionRequest): ModelSession;
}

export interface SessionRequest {
  readonly profile: SessionProfile;
  /** What the model has to know of the conversation before it joins. */
  readonly history: readonly HistoryItem[];
  readonly audio: SessionAudio;
  readonly events: ModelSessionEvents;
  readonly lifecycle: ModelSessionLifecycle;
  /** Stands between the session and its socket and clock; absent: nothing does. */
  readonly tap?: SessionTap;
}

/** How the sound of a session travels. */
export type SessionAudio =
  /** Through this process, both ways. */
  | { readonly path: "relayed"; readonly format: typeof RELAYED_FORMAT }
  /** Past this process: the provider carries the running call with this id (`rtc_…`) itself. */
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

/** The conversation so far, given to a session that begins in the middle. */
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

/** The item that audio belongs to; one object per item, reused for all its audio. */
export interface SpeechItem {
  readonly itemId: ItemId;
  readonly responseId: ResponseId;
  readonly contentIndex: number;
}

/** The beginning and the end of a session. */
export interface ModelSessionLifecycle {
  /** The session is configured and knows the history. Once. */
  ready(): void;
  /** Once, last: the session is over, and `close` was not the reason. Also before it was ready. */
  lost(failure: SessionFailure): void;
}

/**
 * What a session tells its call. Audio comes as bytes that are valid only until the method returns.
 */
export interface ModelSessionEvents {
  audio(item: SpeechItem, base64: Uint8Array, start: number, end: number): void;
  audioDone(itemId: ItemId): void;
  /**
   * What the agent says, at most 16 KiB of an item. While the text grows, `final` is false and `text`
   * is the addition.
   */
  agentText(itemId: ItemId, text: string, final: boolean): void;
  /** The agent's words came as text although audio was asked for: the caller does not hear them. */
  agentWrote(itemId: ItemId, text: string): void;
  callerText(itemId: ItemId, text: string): void;
  callerSpeech(state: "started" | "stopped", itemId: ItemId, audioMs: number): void;
  /** The caller's turn is over and stands in the conversation. */
  callerTurn(itemId: ItemId): void;
  responseStarted(responseId: ResponseId): void;
  /** A response is over. Its calls are the complete ones; one that was cut off is not reported. */
  responseDone(end: ResponseEnd): void;
  usage(model: string, tokens: TokenUsage): void;
  transcriptionUsage(model: string, tokens: number, seconds: number): void;
  tokensRemaining(remaining: number, limit: number, resetSeconds: number): void;
  /** The caller was silent for the configured idle time. */
  idleTimeout(): void;
  /** Something was refused; the session lives on. */
  warning(code: string, about: "truncate" | "other"): void;
  /** The model's provider began to call a tool of an MCP server. */
  mcpCallStarted(call: McpCall): void;
  /** That call is over. The reply that must follow it is asked for by the session. */
  mcpCallEnded(call: McpCallEnd): void;
  /** The tools of an MCP server could not be listed: the model has none of them. */
  mcpToolsFailed(serverLabel: string): void;
  /**
   * The server refused this part of the configuration. At the start of a session it is left out and
   * the session goes on without it; a later change is given up and the earlier value stays.
   *
   * @param tool  the name of the refused tool when the part is one tool, otherwise null.
   */
  sessionPartRefused(part: SessionPart, tool: string | null): void;
  /** The server answered a probe. */
  probeAnswered(): void;
  /** Where the server plays the audio itself: the caller hears it begin, end, or break off. */
  playback?(what: "started" | "stopped" | "cleared", responseId: ResponseId | null): void;
  /** The server has cut its memory of an item to what the caller heard. */
  cut?(itemId: ItemId, heardMs: number): void;
  /** The server heard a key of the caller's phone. */
  key?(digit: string): void;
}

export interface ResponseEnd {
  readonly responseId: ResponseId;
  readonly status: "completed" | "cancelled" | "failed" | "incomplete";
  readonly calls: readonly ToolCall[];
  /** Whether any audio of it was given out. */
  readonly spoke: boolean;
  /** Why it failed or is incomplete; null otherwise. */
  readonly problem: string | null;
  /** The wait in ms that the server told with a rate limit; null when it told none. */
  readonly retryAfterMs: number | null;
  /**
   * The reply when it came as text although audio was asked for: the caller heard nothing of it.
   */
  readonly textOnly: string | null;
  /** MCP calls of this response that still run. The session asks for a reply after the last one. */
  readonly mcpCalls: readonly ToolCallId[];
  /** How the model marks its words; null when it does not. A commentary precedes a tool call. */
  readonly phase: "commentary" | "final_answer" | null;
}

/** A tool call that the model's provider makes by itself, to an MCP server. */
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
  /** From its start to its end as seen here. */
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
  /** False: another try would end the same way (bad key, no quota). */
  readonly retryable: boolean;
  readonly detail: string;
}
