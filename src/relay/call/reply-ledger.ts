/**
 * Knows at every moment whether the caller is owed a reply, why, since when, and what is under way
 * to pay it (promise O1). One watchdog for every reason why a line can go silent: a hung model, a
 * response without audio, a slow tool, a redial, a rate limit that tells the relay to wait.
 *
 * Three pure functions: `record` takes an event, `dueAction` says what to do now, and `acted` notes
 * that it was done. A reply is paid when the caller begins to hear audio of it.
 */
import { type Heard, isStuck, type ReportedTurn, STUCK_WHILE_OWED } from "./missed-end.js";

/** Why a reply is owed: a label of `murelay_owed_replies_total`. */
export type OwedCause =
  | "greeting"
  | "caller_turn"
  | "keys"
  | "tool_result"
  | "mcp_result"
  | "response_failed"
  | "response_incomplete"
  | "text_reply"
  | "session_lost"
  | "transfer"
  | "transfer_failed"
  | "prompt";

/** How a debt ended: a label of `murelay_owed_replies_total`. */
export type OwedOutcome = "on_time" | "comforted" | "asked_again" | "gave_up" | "withdrawn";

/** Work that must end before the caller can hear the reply. */
export type WorkKind = "dial" | "response" | "tool" | "mcp" | "transfer";

export type ReplyEvent =
  | { readonly type: "owed"; readonly cause: OwedCause }
  /** The first audio of a response begins to reach the caller. */
  | { readonly type: "audible" }
  | { readonly type: "work_started"; readonly work: WorkKind; readonly sayWhileWaiting?: string }
  | { readonly type: "work_ended"; readonly work: WorkKind }
  /** A response ended. `owes`: what it left unpaid; null: the caller was answered. */
  | {
      readonly type: "response_ended";
      readonly owes: OwedCause | null;
      /** How long the model asked the client to wait before the next request; null: not at all. */
      readonly retryAfterMs: number | null;
    }
  | { readonly type: "caller_speech"; readonly speaking: boolean }
  /** A response that has not ended is no longer heard, since `sinceMs`. */
  | { readonly type: "fell_silent"; readonly sinceMs: number }
  /** The model believes that the caller speaks, who has been silent since `sinceMs`. */
  | { readonly type: "speech_stuck"; readonly sinceMs: number }
  /** The session is over, and its responses and MCP calls with it. */
  | { readonly type: "session_ended" }
  /** Nothing is owed any more: the caller leaves the agent, or the call has ended. */
  | { readonly type: "withdrawn" };

export interface OwedReply {
  readonly cause: OwedCause;
  readonly sinceMs: number;
  /** Nothing but the open response is owed: the debt ends with it. */
  readonly endsWithResponse?: true;
  /** The session was lost while the caller spoke, who may be speaking still. */
  readonly cutOff?: true;
}

export interface ReplyState extends ReportedTurn {
  readonly owed: OwedReply | null;
  /** What is under way, counted per kind. */
  readonly work: Readonly<Record<WorkKind, number>>;
  /** When the caller last stopped speaking; their own voice is no silence to them. */
  readonly callerStoppedMs: number;
  /** How many turns in a row, or parts of a turn, whose end the model has missed. */
  readonly missedEnds: number;
  /** After a failed response, or the wait that a rate limit asked for: when to ask again. */
  readonly askAtMs: number | null;
  /** How often the reply was asked for again since audio of one was last heard. */
  readonly asked: number;
  readonly comforts: number;
  /** Responses that ended without audio since audio of one was last heard. */
  readonly silentResponses: number;
  /** Text of a tool's `say_while_waiting` that has not been said; null: none. */
  readonly filler: string | null;
}

export type ReplyAction =
  /** A sound that says the line is alive. `count` from 0: vary it. */
  | { readonly do: "comfort"; readonly count: number; readonly waitingFor: WorkKind | "wait" }
  | { readonly do: "say_while_waiting"; readonly text: string }
  | { readonly do: "ask_again"; readonly cause: OwedCause }
  /** Every means is used up: the caller goes to the fallback destination. */
  | { readonly do: "give_up"; readonly cause: OwedCause };

/** A debt that has ended, for the metric. */
export interface SettledReply {
  readonly cause: OwedCause;
  readonly outcome: OwedOutcome;
  readonly ms: number;
}

export interface Recorded {
  readonly state: ReplyState;
  readonly settled: SettledReply | null;
}

/**
 * While a model or a person is being reached there is nothing to say, so the line may not stay
 * quiet long.
 */
const UNREACHED_COMFORT_MS = 1_500;
/** From the last sound. A tool's own words come early: silence after a question is noticed soon. */
const SAY_WHILE_WAITING_MS = 700;
/**
 * From the last sound to the second action. Promise O1 allows 8 s of silence; the fallback needs a
 * webhook and Twilio's voice before it is heard.
 */
const LAST_ACTION_MS = 6_000;
/** From asking again to giving up: the time that a model has to begin its reply. */
const ASKED_AGAIN_MS = 1_500;
/** From the moment a reply became owed: no comfort replaces an answer for longer. */
const GIVE_UP_MS = 30_000;
/** The same while a tool or an MCP call runs, which has a deadline of its own. */
const GIVE_UP_WORKING_MS = 90_000;
/** From the last sound. A model that generates faster than it is heard never pauses this long. */
const SILENT_RESPONSE_MS = 2_000;
/** From a rate-limited response: a longer wait than this is not honoured. */
const MAX_TOLD_WAIT_MS = 4_000;
/** The reply is asked for again this often before the call is given up. */
const MAX_ASKED = 1;
/** A model that answers only with tool calls never reaches the caller. */
const MAX_SILENT_RESPONSES = 8;
/** When the model misses the end of more turns in a row, it does not hear this caller. */
const MAX_MISSED_ENDS = 3;

export const NO_REPLY_OWED: ReplyState = {
  owed: null,
  work: { dial: 0, response: 0, tool: 0, mcp: 0, transfer: 0 },
  callerSpeaking: false,
  callerStartedMs: Number.NEGATIVE_INFINITY,
  callerStoppedMs: Number.NEGATIVE_INFINITY,
  overruledMs: null,
  missedEnds: 0,
  askAtMs: null,
  asked: 0,
  comforts: 0,
  silentResponses: 0,
  filler: null,
};

/** The state after an event, and the debt that the event ended. */
export function record(state: ReplyState, event: ReplyEvent, nowMs: number): Recorded {
  switch (event.type) {
    case "owed":
      return only(owe(state, event.cause, nowMs));
    case "audible":
      return settle(state, null, nowMs);
    case "work_started":
      return only(startWork(state, event.work, event.sayWhileWaiting ?? null));
    case "work_ended":
      return only(endWork(state, event.work));
    case "response_ended":
      return only(responseEnded(endWork(state, "response"), event.owes, event.retryAfterMs, nowMs));
    case "caller_speech":
      return only(callerSpeech(state, event.speaking, nowMs));
    case "fell_silent":
      return only({
        ...state,
        owed: { cause: "response_incomplete", sinceMs: event.sinceMs, endsWithResponse: true },
      });
    case "speech_stuck":
      return only({
        ...state,
        owed: { cause: "caller_turn", sinceMs: event.sinceMs },
        missedEnds: state.missedEnds + 1,
      });
    case "session_ended":
      return only(sessionEnded(state, nowMs));
    case "withdrawn":
      return settle(state, "withdrawn", nowMs);
  }
}

/**
 * Whether nothing is owed although a response is open and has not been heard for a while, for
 * example because the model stopped in mid-speech.
 *
 * @returns  since when the caller hears nothing, for `fell_silent`; null: all is well.
 */
export function silentResponseSinceMs(
  { owed, work, callerSpeaking, callerStoppedMs }: ReplyState,
  { soundUntilMs }: Heard,
  nowMs: number,
): number | null {
  if (owed !== null || work.response === 0 || callerSpeaking) return null;
  const sinceMs = nowMs - SILENT_RESPONSE_MS;
  return soundUntilMs > sinceMs || callerStoppedMs > sinceMs ? null : sinceMs;
}

/**
 * What has to be done now; null: nothing. Cheap enough to be asked ten times a second: it allocates
 * only when there is something to do.
 *
 * @param replyTimeoutMs  the agent's `reply_timeout_ms`.
 */
export function dueAction(
  state: ReplyState,
  heard: Heard,
  replyTimeoutMs: number,
  nowMs: number,
): ReplyAction | null {
  const { owed } = state;
  if (owed === null) return null;
  if (state.callerSpeaking && !isStuck(state, heard, STUCK_WHILE_OWED, nowMs)) return null;
  // A sound that is still playing counts as heard up to now.
  if (heard.soundUntilMs > nowMs) return null;
  if (isHopeless(state, owed, nowMs)) return { do: "give_up", cause: owed.cause };
  const quietMs = nowMs - quietSinceMs(state, owed, heard);
  const waitingFor = workUnderWay(state, nowMs);
  if (waitingFor === null) return askOrGiveUp(state, owed, replyTimeoutMs, quietMs, nowMs);
  if (state.filler !== null && quietMs >= SAY_WHILE_WAITING_MS)
    return { do: "say_while_waiting", text: state.filler };
  const patienceMs =
    waitingFor === "dial" || waitingFor === "transfer"
      ? UNREACHED_COMFORT_MS
      : Math.min(replyTimeoutMs, LAST_ACTION_MS);
  return quietMs >= patienceMs ? { do: "comfort", count: state.comforts, waitingFor } : null;
}

/** The state once an action was carried out, and the debt that it ended. */
export function acted(state: ReplyState, action: ReplyAction, nowMs: number): Recorded {
  switch (action.do) {
    case "comfort":
      return only({ ...state, comforts: state.comforts + 1 });
    case "say_while_waiting":
      return only({ ...state, filler: null });
    case "ask_again": {
      const isOverruled = state.callerSpeaking || state.overruledMs !== null;
      return only({
        ...state,
        asked: state.asked + 1,
        askAtMs: null,
        callerSpeaking: false,
        overruledMs: isOverruled ? nowMs : null,
      });
    }
    case "give_up":
      // The caller leaves the agent: nothing under way is waited for any more.
      return settle({ ...state, work: NO_REPLY_OWED.work, missedEnds: 0 }, "gave_up", nowMs);
  }
}

function only(state: ReplyState): Recorded {
  return { state, settled: null };
}

/** The first unpaid moment counts: a caller who says "hello?" again does not start a new wait. */
function owe(state: ReplyState, cause: OwedCause, nowMs: number): ReplyState {
  return { ...state, owed: { cause, sinceMs: state.owed?.sinceMs ?? nowMs } };
}

function startWork(state: ReplyState, work: WorkKind, filler: string | null): ReplyState {
  return {
    ...state,
    work: { ...state.work, [work]: state.work[work] + 1 },
    filler: filler ?? state.filler,
    askAtMs: work === "response" ? null : state.askAtMs,
  };
}

function endWork(state: ReplyState, work: WorkKind): ReplyState {
  const left = Math.max(0, state.work[work] - 1);
  const toolsLeft = work === "tool" ? left : state.work.tool;
  return {
    ...state,
    work: { ...state.work, [work]: left },
    filler: toolsLeft === 0 ? null : state.filler,
  };
}

/** A second start without a stop, or a stop without a start, changes nothing. */
function callerSpeech(before: ReplyState, speaking: boolean, nowMs: number): ReplyState {
  const state = before.overruledMs === null ? before : { ...before, overruledMs: null };
  if (speaking) {
    if (state.callerSpeaking) return state;
    return { ...state, callerSpeaking: true, callerStartedMs: nowMs };
  }
  const callerStoppedMs = state.callerSpeaking ? nowMs : state.callerStoppedMs;
  return { ...state, callerSpeaking: false, callerStoppedMs, missedEnds: 0 };
}

/** A reply that was under way is owed by the next session. */
function sessionEnded(state: ReplyState, nowMs: number): ReplyState {
  const wasSpeaking = state.work.response > 0 || state.work.mcp > 0;
  const cutOff = state.callerSpeaking && state.owed === null;
  const ended = {
    ...state,
    work: { ...state.work, response: 0, mcp: 0 },
    askAtMs: null,
    callerSpeaking: false,
    overruledMs: null,
    missedEnds: 0,
  };
  if (cutOff) return { ...ended, owed: { cause: "session_lost", sinceMs: nowMs, cutOff } };
  return wasSpeaking ? owe(ended, "session_lost", nowMs) : ended;
}

function responseEnded(
  state: ReplyState,
  owes: OwedCause | null,
  retryAfterMs: number | null,
  nowMs: number,
): ReplyState {
  if (owes === null)
    return state.owed?.endsWithResponse === true ? { ...state, owed: null, comforts: 0 } : state;
  const next = { ...owe(state, owes, nowMs), silentResponses: state.silentResponses + 1 };
  // What a tool or an MCP server will answer cannot be asked for earlier.
  if (owes === "tool_result" || owes === "mcp_result") return next;
  return { ...next, askAtMs: nowMs + Math.min(retryAfterMs ?? 0, MAX_TOLD_WAIT_MS) };
}

function settle(state: ReplyState, outcome: OwedOutcome | null, nowMs: number): Recorded {
  const { owed } = state;
  const work = state.work.transfer === 0 ? state.work : { ...state.work, transfer: 0 };
  const none = { owed: null, askAtMs: null, asked: 0, comforts: 0, silentResponses: 0 };
  const cleared = { ...state, ...none, work };
  if (owed === null) return { state: cleared, settled: null };
  const how =
    outcome ?? (state.asked > 0 ? "asked_again" : state.comforts > 0 ? "comforted" : "on_time");
  return {
    state: cleared,
    settled: { cause: owed.cause, outcome: how, ms: nowMs - owed.sinceMs },
  };
}

function isHopeless(state: ReplyState, owed: OwedReply, nowMs: number): boolean {
  if (state.silentResponses >= MAX_SILENT_RESPONSES) return true;
  if (state.missedEnds > MAX_MISSED_ENDS) return true;
  const { tool, mcp, transfer } = state.work;
  const working = tool > 0 || mcp > 0 || transfer > 0;
  return nowMs - owed.sinceMs >= (working ? GIVE_UP_WORKING_MS : GIVE_UP_MS);
}

/** Since when a caller to whom a reply is owed hears nothing. */
export function quietSinceMs(state: ReplyState, owed: OwedReply, heard: Heard): number {
  // Before the debt, silence was the caller's own turn to speak.
  return Math.max(owed.sinceMs, heard.soundUntilMs, state.callerStoppedMs);
}

function workUnderWay({ work, askAtMs }: ReplyState, nowMs: number): WorkKind | "wait" | null {
  if (work.dial > 0) return "dial";
  if (work.response > 0) return "response";
  if (work.tool > 0) return "tool";
  if (work.mcp > 0) return "mcp";
  if (work.transfer > 0) return "transfer";
  return askAtMs !== null && askAtMs > nowMs ? "wait" : null;
}

function askOrGiveUp(
  state: ReplyState,
  owed: OwedReply,
  replyTimeoutMs: number,
  quietMs: number,
  nowMs: number,
): ReplyAction | null {
  const told = state.askAtMs !== null && nowMs >= state.askAtMs;
  if (state.asked >= MAX_ASKED) {
    // The second request failed, or nothing came of it.
    return told || quietMs >= LAST_ACTION_MS ? { do: "give_up", cause: owed.cause } : null;
  }
  return told || quietMs >= Math.min(replyTimeoutMs, LAST_ACTION_MS - ASKED_AGAIN_MS)
    ? { do: "ask_again", cause: owed.cause }
    : null;
}
