/**
 * Finds the part of a session's configuration that the server refused, and removes it (promise
 * O4). Pure: it takes a `session.update` and an error, and returns a smaller update.
 */
import type {
  RealtimeSession,
  SessionTool,
  SessionTurnDetection,
} from "../../../wire/realtime-client.js";
import type { ServerFault } from "../../../wire/realtime-objects.js";
import type { SessionPart } from "../model-session.js";

export interface Reduced {
  readonly session: RealtimeSession;
  readonly part: SessionPart;
  /** The name of the tool, or the label of the MCP server, when the part is one tool. */
  readonly tool: string | null;
}

/** Replaces a voice that the server refuses. OpenAI recommends this one. */
const DEFAULT_VOICE = "marin";
/** Only this much of a message is searched for names. */
const MAX_MESSAGE_CHARS = 2_000;

type Rule = readonly [
  /** Searched for in the parameter's path or, if the error has none, in its message. */
  names: RegExp,
  reduce: (session: RealtimeSession, path: string) => Reduced | null,
];

/** More specific rules come first. */
const RULES: readonly Rule[] = [
  [/\btools?\b|\bmcp\b/i, withoutTool],
  [/transcription\W+language\b/i, withoutLanguage],
  [/transcription/i, withoutInput("transcription", "transcription")],
  [/noise[_ ]reduction/i, withoutInput("noise_reduction", "noise_reduction")],
  [/idle_timeout/i, withoutIdleTimeout],
  [/turn_detection|_vad\b/i, withPlainTurnDetection],
  [/\bspeed\b/i, withoutSpeed],
  [/voice/i, withDefaultVoice],
  [/parallel_tool_calls/i, without("parallel_tool_calls", "parallel_tool_calls")],
  [/reasoning|\beffort\b/i, without("reasoning", "reasoning")],
  [/max_(?:response_)?output_tokens/i, without("max_output_tokens", "max_output_tokens")],
  [/truncation|retention_ratio/i, without("truncation", "truncation")],
  [/tracing/i, without("tracing", "tracing")],
];

/**
 * The session without the part that an error names. Null: the error does not name a part that can
 * be left out; the audio format and the instructions cannot.
 *
 * @param session  the refused update, of which no part is in force.
 */
export function reduceSession(session: RealtimeSession, fault: ServerFault): Reduced | null {
  const message = (fault.message ?? "").slice(0, MAX_MESSAGE_CHARS);
  const path = fault.param ?? pathIn(message);
  const named = path ?? message;
  // The message often names a tool when the parameter is only "tools".
  const text = path === null ? message : `${path} ${message}`;
  for (const [names, reduce] of RULES) {
    if (!names.test(named)) continue;
    const reduced = reduce(session, text);
    if (reduced !== null) return reduced;
  }
  return path === null ? withoutNamedTool(session, quotedIn(message)) : null;
}

/** The names in quotes. An unquoted word of the message may equal a tool's name by chance. */
function quotedIn(message: string): string {
  return [...message.matchAll(/['"`]([\w-]{1,128})['"`]/g)].map(([, name]) => name).join(" ");
}

/** "Unknown parameter: 'session.reasoning'." → "session.reasoning". */
function pathIn(message: string): string | null {
  return /\bsession((?:\.\w+|\[\d+\]){1,8})/.exec(message)?.[0] ?? null;
}

function without(key: keyof RealtimeSession, part: SessionPart): Rule[1] {
  return (session) => {
    if (session[key] === undefined) return null;
    const { [key]: _, ...rest } = session;
    return { session: rest as RealtimeSession, part, tool: null };
  };
}

type Input = NonNullable<NonNullable<RealtimeSession["audio"]>["input"]>;
type Output = NonNullable<NonNullable<RealtimeSession["audio"]>["output"]>;

function withInput(session: RealtimeSession, input: Input): RealtimeSession {
  return { ...session, audio: { ...session.audio, input } };
}

function withOutput(session: RealtimeSession, output: Output): RealtimeSession {
  return { ...session, audio: { ...session.audio, output } };
}

/** Sends null for the part, to switch it off if the server has it on by default. */
function withoutInput(key: "transcription" | "noise_reduction", part: SessionPart): Rule[1] {
  return (session) => {
    const input = session.audio?.input;
    const value = input?.[key];
    if (input === undefined || value === undefined) return null;
    if (value !== null)
      return { session: withInput(session, { ...input, [key]: null }), part, tool: null };
    const { [key]: _, ...rest } = input;
    return { session: withInput(session, rest), part, tool: null };
  };
}

function withoutLanguage(session: RealtimeSession): Reduced | null {
  const input = session.audio?.input;
  const transcription = input?.transcription;
  if (transcription?.language === undefined) return null;
  const { language: _, ...rest } = transcription;
  const reduced = withInput(session, { ...input, transcription: rest });
  return { session: reduced, part: "transcription_language", tool: null };
}

function withoutIdleTimeout(session: RealtimeSession): Reduced | null {
  const input = session.audio?.input;
  const turns = input?.turn_detection;
  if (turns?.type !== "server_vad" || turns.idle_timeout_ms === undefined) return null;
  const { idle_timeout_ms: _, ...rest } = turns;
  const reduced = withInput(session, { ...input, turn_detection: rest });
  return { session: reduced, part: "idle_timeout", tool: null };
}

/**
 * Falls back to turn detection with the server's own values, then leaves turn detection out.
 */
function withPlainTurnDetection(session: RealtimeSession): Reduced | null {
  const input = session.audio?.input;
  const turns = input?.turn_detection;
  if (turns === undefined) return null;
  const part = "turn_detection";
  const plain = turns === null ? null : plainTurnDetection(turns);
  if (plain !== null && !sameKeys(turns!, plain))
    return { session: withInput(session, { ...input, turn_detection: plain }), part, tool: null };
  const { turn_detection: _, ...rest } = input!;
  return { session: withInput(session, rest), part, tool: null };
}

function plainTurnDetection(turns: SessionTurnDetection): SessionTurnDetection {
  const { create_response, interrupt_response } = turns;
  return {
    type: "server_vad",
    ...(create_response === undefined ? {} : { create_response }),
    ...(interrupt_response === undefined ? {} : { interrupt_response }),
  };
}

function sameKeys(a: SessionTurnDetection, b: SessionTurnDetection): boolean {
  return a.type === b.type && Object.keys(a).length === Object.keys(b).length;
}

function withoutSpeed(session: RealtimeSession): Reduced | null {
  const output = session.audio?.output;
  if (output?.speed === undefined) return null;
  const { speed: _, ...rest } = output;
  return { session: withOutput(session, rest), part: "speed", tool: null };
}

function withDefaultVoice(session: RealtimeSession): Reduced | null {
  const output = session.audio?.output;
  if (output?.voice === undefined) return null;
  const { voice, ...rest } = output;
  const next = voice === DEFAULT_VOICE ? rest : { ...rest, voice: DEFAULT_VOICE };
  return { session: withOutput(session, next), part: "voice", tool: null };
}

/** Removes `tools[3]`, or the tool that the text names. */
function withoutTool(session: RealtimeSession, text: string): Reduced | null {
  const index = /tools(?:\[(\d{1,4})\]|\.(\d{1,4})\b)/.exec(text);
  const at = Number(index?.[1] ?? index?.[2] ?? -1);
  if (at >= 0) return withoutToolAt(session, at);
  return withoutNamedTool(session, text) ?? withoutOnlyTool(session, text);
}

function withoutNamedTool(session: RealtimeSession, text: string): Reduced | null {
  const words = new Set(text.match(/[\w-]+/g));
  const at = session.tools?.findIndex((tool) => words.has(nameOf(tool))) ?? -1;
  return withoutToolAt(session, at);
}

/** If no tool is named, removes the only candidate; an error about MCP concerns only MCP tools. */
function withoutOnlyTool(session: RealtimeSession, text: string): Reduced | null {
  const tools = session.tools ?? [];
  const suspects = /mcp/i.test(text) ? tools.filter((tool) => tool.type === "mcp") : tools;
  return suspects.length === 1 ? withoutToolAt(session, tools.indexOf(suspects[0]!)) : null;
}

function withoutToolAt(session: RealtimeSession, at: number): Reduced | null {
  const tool = session.tools?.[at];
  if (tool === undefined) return null;
  const tools = session.tools!.filter((_, i) => i !== at);
  return { session: { ...session, tools }, part: "tool", tool: nameOf(tool) };
}

function nameOf(tool: SessionTool): string {
  return tool.type === "mcp" ? String(tool["server_label"] ?? "") : String(tool.name);
}
