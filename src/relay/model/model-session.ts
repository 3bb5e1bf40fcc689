import type { ModelSettings, TurnDetection } from "../../domain/agent-profile.js";
import type { ErrorCode } from "../../domain/errors.js";
import type { ItemId, ResponseId, ToolCallId } from "../../domain/ids.js";
import type { TokenUsage } from "../../domain/record-event.js";
import type { UpstreamDialer } from "../../ports/sockets.js";

/**
 * One conversation with one model, whatever protocol carries it. The call speaks only this language; the Realtime
 * adapter (`realtime-session.ts`) is the first that speaks it. What a protocol cannot do is a capability that is
 * false, never a pretence.
 */
export interface ModelSession {
  readonly capabilities: ModelCapabilities;
  /** Base64 mu-law exactly as it came, in order. Only between `ready` and `closed`. */
  append(base64: Uint8Array, start: number, end: number): void;
  /** The same for bytes: silence for gaps, and what waited. */
  appendUlaw(ulaw: Uint8Array, start: number, end: number): void;
  /** Make it speak first; not said any more once the caller was answered. */
  greet(instructions: string): void;
  /** Make it speak: a farewell, an announcement. Sent when the floor is free. */
  speak(instructions: string): void;
  /** Make it answer what stands in the conversation. Sent when the floor is free; several become one. */
  requestResponse(): void;
  /** Something the model should know but not read out. */
  note(text: string): void;
  /** Answers of one batch of tool calls, then the turn goes on (unless `goOn` is false). */
  toolResults(results: readonly ToolAnswer[], goOn: boolean): void;
  /** The caller interrupted: what they heard of each item, oldest first. Late audio of these is dropped. */
  interrupted(cuts: readonly Truncation[]): void;
  /** Stop speaking: cancels what is being generated. */
  stopSpeaking(): void;
  /** Changes to take effect between turns. */
  update(change: SessionChange): void;
  /** Nothing is being generated, and nothing that should be spoken waits to be asked for. */
  readonly quiet: boolean;
  /** The caller has spoken and paused, as we hear it: a model that lives says something soon. */
  callerPaused(): void;
  /** Asks the server for a sign of life. A living server answers: `probeAnswered`. */
  probe(): void;
  /** When the last message of the server came, on the clock of `tick`; before any, when it was dialled. */
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
  /** The model's memory of an item can be cut to what was heard. */
  readonly truncate: boolean;
  readonly cancel: boolean;
  /** The server says when the caller begins and ends to speak. */
  readonly serverVad: boolean;
  /** Audio comes faster than real time, so a queue here is natural. */
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
  readonly tools?: readonly SessionTool[];
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

/** The one audio format of the relayed path: G.711 mu-law at 8 kHz, as Twilio sends and takes it. */
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

/** The account of an item's speech while it is generated; one object per item, reused for all its audio. */
export interface SpeechItem {
  readonly itemId: ItemId;
  readonly responseId: ResponseId;
  readonly contentIndex: number;
}

/** The beginning and the end of a session, told to whoever opened it. */
export interface ModelSessionLifecycle {
  /** Configured; the history was given. Once. */
  ready(): void;
  /** Once, last: the session is over and it was not we who closed it. Also when it never became ready. */
  lost(failure: SessionFailure): void;
}

/** What a session tells its call. Audio comes as bytes that are valid only until the method returns. */
export interface ModelSessionEvents {
  audio(item: SpeechItem, base64: Uint8Array, start: number, end: number): void;
  audioDone(itemId: ItemId): void;
  /** Text of the agent's item; `final` false while it grows (then it is the addition). */
  agentText(itemId: ItemId, text: string, final: boolean): void;
  callerText(itemId: ItemId, text: string): void;
  callerSpeech(state: "started" | "stopped", itemId: ItemId, audioMs: number): void;
  /** The caller's turn is over and belongs to the conversation now. */
  callerTurn(itemId: ItemId): void;
  responseStarted(responseId: ResponseId): void;
  /** Calls are only those that are complete; a cut-off one is not reported. */
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
  /** Where the server plays to the line itself: the caller hears the model begin, finish, or be cut off. */
  playback?(what: "started" | "stopped" | "cleared"): void;
  /** The server has cut its memory of an item to what was heard. */
  cut?(itemId: ItemId, heardMs: number): void;
  /** A key that the server heard. */
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
  /** The reply when it came as text although audio was asked for: the caller heard nothing of it. */
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
  | "tools"
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
