/** What the simulated model says, and how. */
import { identityAudio } from "../audio/identity.js";
import { speechLike, spokenMs } from "../audio/synth.js";

/** One spoken item: its words and its sound. */
export interface Speech {
  readonly text: string;
  /** Mu-law, 8 kHz. Absent: a voice-like sound as long as the text takes to say. */
  readonly audio?: Uint8Array;
}

export interface ScriptedCall {
  readonly name: string;
  /** An object becomes JSON; a text is sent as it is. */
  readonly arguments: Readonly<Record<string, unknown>> | string;
  /** Absent: made up. */
  readonly callId?: string;
}

/** Something that happens to the socket in the middle of a response. */
export type TurnFault =
  /** The socket dies without a close frame. */
  | "crash"
  /** The server goes quiet: no event, no pong. */
  | "hang"
  /** session_expired and close 1001. */
  | "expire"
  /** `error` of type server_error, then close 1011. */
  | "server_error";

/** One response. Every field is optional: `{}` is a response without output. */
export interface Turn {
  /** One audio item each, in order. */
  readonly say?: string | Speech | readonly (string | Speech)[];
  /** After the speech; several are parallel calls of one response. */
  readonly calls?: readonly ScriptedCall[];
  /** From response.created to the first delta. Default 200. */
  readonly delayMs?: number;
  /** Audio sent per second of wall clock, in seconds. Default 5. */
  readonly ratio?: number;
  /** Default completed. Incomplete and failed ones end after `untilMs` of the last item's audio. */
  readonly status?: "completed" | "failed" | "incomplete";
  readonly reason?: "max_output_tokens" | "content_filter";
  readonly error?: { readonly type: string; readonly code: string; readonly message: string };
  readonly untilMs?: number;
  /** "bare" leaves out all details, "none" is null. Default full. */
  readonly usage?: "full" | "bare" | "none";
  /** Happens when `afterMs` of audio have been sent. */
  readonly fault?: { readonly afterMs: number; readonly kind: TurnFault };
}

/** Why a response is made. */
export type Cause =
  /** The caller stopped speaking. */
  | "vad"
  /** `response.create`. */
  | "client"
  /** `response.create` after outputs of tool calls. */
  | "tool"
  /** `idle_timeout_ms` passed. */
  | "idle";

export interface ToolOutput {
  readonly name: string;
  readonly callId: string;
  readonly output: string;
}

export interface TurnContext {
  /** Responses so far in this session, this one not counted, those beside the conversation neither. */
  readonly index: number;
  readonly cause: Cause;
  readonly sessionIndex: number;
  readonly instructions: string;
  /** `response.create.response.instructions`, where given. */
  readonly request: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  /** User turns committed so far. */
  readonly userTurns: number;
  /** Outputs of tool calls since the last response, by tool name. */
  readonly outputs: readonly ToolOutput[];
}

export interface Script {
  /**
   * Turns are taken in order; past the end `then` is said. A function decides by itself.
   */
  readonly turns: readonly Turn[] | ((context: TurnContext) => Turn);
  readonly defaultTurn?: Turn;
  /** A `response.create` whose instructions quote a text says that text, and no turn is used up. Default false. */
  readonly quotes?: boolean;
  /** What the caller says, turn by turn: the simulator cannot hear words. Past the end: "". A function is asked turn by turn. */
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
