/** What the simulated model says, and how: the types of a script, and how one is read. */
import { identityAudio } from "../audio/identity.js";
import { speechLike, spokenMs } from "../audio/synth.js";
import type { JsonObject } from "./check.js";

/** One output item that is spoken, or written where text is asked for. */
export interface Speech {
  readonly text: string;
  /** Mu-law, 8 kHz. Default: a voice-like sound as long as the text takes to say. */
  readonly audio?: Uint8Array;
  /**
   * Default, for the gpt-realtime-2 family: "commentary" before calls of the same turn, else
   * "final_answer". Other models send no phase; null sends none either.
   */
  readonly phase?: "commentary" | "final_answer" | null;
}

export interface ScriptedCall {
  readonly name: string;
  /** An object is sent as JSON; a text is sent as it is. */
  readonly arguments: Readonly<Record<string, unknown>> | string;
  /** Default: made by the server. */
  readonly callId?: string;
}

/** A tool of a remote MCP server that the model calls by itself. */
export interface McpCall {
  /** `server_label`. */
  readonly server: string;
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>> | string;
  /** Default completed. "hangs": the server never reports an outcome. */
  readonly outcome?: "completed" | "failed" | "hangs";
  /** Of a completed call. Default "{}". */
  readonly output?: string;
  /** Of a failed call. Default a `tool_execution_error`. */
  readonly error?: JsonObject;
  /** From the arguments' end to the outcome. Default 30. */
  readonly ms?: number;
  /** Whether the outcome comes before or after `response.done`. Default after. */
  readonly order?: "before_done" | "after_done";
  /**
   * The model asks first: the output item is an `mcp_approval_request`, and the call runs once the
   * client has sent an `mcp_approval_response` that approves. Default false.
   */
  readonly approval?: boolean;
}

/** What happens in the middle of a response. */
export type TurnFault =
  /** The socket dies without a close frame. */
  | "crash"
  /** The session goes quiet: no event, no pong. The socket stays open. */
  | "hang"
  /** The response stops and never ends by itself. The session answers everything else. */
  | "stall"
  /** The same, and a cancel is not answered either. */
  | "stall_for_good"
  /** `session_expired` and close 1001. */
  | "expire"
  /** `error` of type server_error, then close 1011. */
  | "server_error";

/** One response. Every field is optional: `{}` is a response without output. */
export interface Turn {
  /** One item each, in order. */
  readonly say?: string | Speech | readonly (string | Speech)[];
  /** After the speech; several are parallel calls of one response. */
  readonly calls?: readonly ScriptedCall[];
  /** After the calls. */
  readonly mcp?: readonly McpCall[];
  /** Default what session and request ask for. "text" although audio is asked for is a fault. */
  readonly modality?: "audio" | "text";
  /** From `response.created` to the first item. Default 200. */
  readonly delayMs?: number;
  /** Seconds of audio sent per second of the clock. Default 5. */
  readonly ratio?: number;
  /**
   * Default completed. Failed and incomplete ones end after `untilMs` of the last spoken item. A
   * cancelled one is the server's own doing, without a word of the caller.
   */
  readonly status?: "completed" | "failed" | "incomplete" | "cancelled";
  /** Of an incomplete one. Default max_output_tokens. */
  readonly reason?: "max_output_tokens" | "content_filter";
  /** Of a failed one. Default server_error. */
  readonly error?: { readonly type: string; readonly code: string; readonly message: string };
  readonly untilMs?: number;
  /** "bare" leaves out all details, "none" is null. Default full. */
  readonly usage?: "full" | "bare" | "none";
  /** Happens once `afterMs` of audio have been sent; at 0, before the first item. */
  readonly fault?: { readonly afterMs: number; readonly kind: TurnFault };
  /** Further server events, sent as they are right after `response.created`. */
  readonly events?: readonly JsonObject[];
}

/** Why a response is made. */
export type Cause =
  /** The caller stopped speaking. */
  | "vad"
  /** `response.create`. */
  | "client"
  /** `response.create` after outputs of tools. */
  | "tool"
  /** `idle_timeout_ms` passed. */
  | "idle";

export interface ToolOutput {
  readonly name: string;
  /** Of an MCP call: the id of its item. */
  readonly callId: string;
  readonly output: string;
}

export interface TurnContext {
  /** Turns taken so far in this session, this one not counted. */
  readonly index: number;
  readonly cause: Cause;
  readonly sessionIndex: number;
  readonly instructions: string;
  /** `response.create.response.instructions`, where given. */
  readonly request: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  /** Caller turns committed so far. */
  readonly userTurns: number;
  /** Outputs of tools and MCP calls since the last response. */
  readonly outputs: readonly ToolOutput[];
}

export interface Script {
  /**
   * Turns are taken in order; past the end, `defaultTurn` is. A function decides by itself.
   * Null: the model does not respond, and says nothing about it.
   */
  readonly turns: readonly (Turn | null)[] | ((context: TurnContext) => Turn | null);
  readonly defaultTurn?: Turn;
  /**
   * A `response.create` whose instructions quote a text says that text, and uses up no turn.
   * Default false.
   */
  readonly quotes?: boolean;
  /**
   * What the caller says, turn by turn: the simulator understands no words. Past the end: "".
   * A function is asked turn by turn.
   */
  readonly transcripts?: readonly string[] | ((turn: number, instructions: string) => string);
  /** Responses with `conversation: "none"`. Default: says the quoted part of the instructions. */
  readonly outOfBand?: (context: TurnContext) => Turn;
}

export const FALLBACK_TURN: Turn = { say: "Is there anything else I can do for you?" };

export function speechesOf(turn: Turn): readonly Speech[] {
  const { say } = turn;
  if (say === undefined) return [];
  const list = typeof say === "string" || !Array.isArray(say) ? [say as string | Speech] : say;
  return list.map((speech) => (typeof speech === "string" ? { text: speech } : speech));
}

/** Arguments of a call as the wire carries them. */
export function argumentsText(given: Readonly<Record<string, unknown>> | string): string {
  return typeof given === "string" ? given : JSON.stringify(given);
}

let seed = 0;
export function audioOf(speech: Speech): Uint8Array {
  return speech.audio ?? speechLike(spokenMs(speech.text), (seed++ % 7) + 1);
}

/** Speech whose sound says which stream it is and which frame: for loss and order. */
export function identitySpeech(
  streamId: number,
  durationMs: number,
  text = `stream ${streamId}`,
): Speech {
  return { text, audio: identityAudio(streamId, Math.round(durationMs / 20)) };
}

/** The text between the first quotes of an instruction, or null. */
export function quotedText(instructions: string | null): string | null {
  return /["“«](.+?)["”»]/su.exec(instructions ?? "")?.[1] ?? null;
}
