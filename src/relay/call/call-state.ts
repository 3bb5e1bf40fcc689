import type { ErrorCode } from "../../domain/errors.js";
import type { CallOutcome } from "../../domain/record-event.js";
import type { TransferRequest } from "../../domain/transfer-request.js";

/**
 * The life of one Twilio call as decisions only: `step` takes a state and what happened, and gives the next state
 * and what is to be done, as data. `call.ts` does it. Audio never passes through here.
 *
 * ```
 * offered → connecting → talking ⇄ redialing
 *                           ↓  ↘
 *                        leaving → handing_over → returning → connecting …
 *                           ↓           ↓
 *                         ended       ended
 * ```
 */
export type CallState =
  /** TwiML was given; the stream is not here yet. */
  | { readonly name: "offered"; readonly session: SessionState }
  /** The caller is on the line, the model is not ready. */
  | { readonly name: "connecting" }
  | { readonly name: "talking" }
  /** The session was lost in mid-call; the caller hears what is already here. */
  | { readonly name: "redialing" }
  /** Something is being said or played to its end before the call goes elsewhere. */
  | { readonly name: "leaving"; readonly departure: Disposition }
  /** The transfer decides; our stream is ending or gone. */
  | { readonly name: "handing_over" }
  /** The caller comes back to the agent; the new stream is not here yet. */
  | { readonly name: "returning" }
  | {
      readonly name: "ended";
      readonly outcome: CallOutcome;
      readonly reason: string;
      readonly verdict: ConnectEndedAnswer;
    };

export type SessionState = "opening" | "ready" | "failed" | "released";

/** What `connect-ended` answers when our side ended the stream. */
export type ConnectEndedAnswer = "hang_up" | "fallback";

export type Disposition =
  | { readonly kind: "transfer"; readonly request: TransferRequest; readonly farewell: Farewell }
  | { readonly kind: "end"; readonly reason: string; readonly farewell: Farewell }
  /** The agent failed: an apology and the fallback destination, by `connect-ended`. */
  | { readonly kind: "fallback"; readonly code: ErrorCode };

/** `ask` the model for one, let what is there `play` to its end, or go at once. */
export type Farewell = "ask" | "play" | "none";

export type CallEvent =
  | { readonly type: "stream_started" }
  /** `clean`: Twilio said `stop`; else the socket just closed. */
  | { readonly type: "stream_ended"; readonly clean: boolean }
  | { readonly type: "session_ready" }
  | { readonly type: "session_lost"; readonly code: ErrorCode; readonly retryable: boolean }
  /** Dialled and retried in vain. */
  | { readonly type: "session_unavailable"; readonly code: ErrorCode }
  | { readonly type: "leave"; readonly departure: Disposition }
  /** All that was to be said has been heard. */
  | { readonly type: "heard_out" }
  | { readonly type: "timer"; readonly timer: CallTimer }
  /** Twilio says that the call is over. */
  | { readonly type: "caller_gone" }
  /** This process gives the call up. */
  | { readonly type: "abandoned"; readonly reason: string }
  /** Another process has the call's stream: it goes on there. */
  | { readonly type: "moved" }
  | {
      readonly type: "transfer_ended";
      readonly next: "connected" | "back_to_agent" | "apology" | "gone";
    };

/** `claim`: a warm session waits for its stream. `arrival`: a stream that was promised does not come. */
type LineEvent = Exclude<CallEvent, { readonly type: "abandoned" | "moved" }>;

/** `waiting`: the caller has heard nothing while somebody or something is being reached. */
export type CallTimer = "claim" | "arrival" | "farewell" | "waiting";

export type Effect =
  | { readonly do: "open_session" }
  | { readonly do: "close_session" }
  /** Send what the caller said meanwhile, then let the model greet or go on. */
  | { readonly do: "begin"; readonly how: "greet" | "resume" }
  | { readonly do: "redial" }
  | { readonly do: "ask_farewell"; readonly departure: Disposition }
  /** Stop speaking at once: nothing more of the model reaches the caller. */
  | { readonly do: "silence_agent" }
  /** The caller will be handed over once the farewell is over. */
  | { readonly do: "announce"; readonly request: TransferRequest }
  | { readonly do: "hand_over"; readonly request: TransferRequest }
  /** A sound of our own: the line is not dead. */
  | { readonly do: "comfort" }
  | { readonly do: "close_stream" }
  | { readonly do: "arm"; readonly timer: CallTimer }
  | { readonly do: "disarm"; readonly timer: CallTimer }
  | { readonly do: "finish"; readonly outcome: CallOutcome; readonly reason: string }
  /** Over here only: nothing of it is told. */
  | { readonly do: "let_go" };

export interface Step {
  readonly state: CallState;
  readonly effects: readonly Effect[];
}

export const OFFERED: CallState = { name: "offered", session: "opening" };

const ARRIVED: readonly Effect[] = [
  { do: "disarm", timer: "claim" },
  { do: "disarm", timer: "arrival" },
];

const stay = (state: CallState): Step => ({ state, effects: [] });

export function step(state: CallState, event: CallEvent): Step {
  if (event.type === "abandoned") {
    if (state.name === "ended" || state.name === "handing_over") return stay(state);
    return end("failed", event.reason, "fallback", ARRIVED);
  }
  if (event.type === "moved") {
    // Only a call that waits for its stream can get it elsewhere.
    if (state.name !== "offered" && state.name !== "returning") return stay(state);
    return {
      state: { name: "ended", outcome: "completed", reason: "moved", verdict: "hang_up" },
      effects: [...ARRIVED, { do: "close_session" }, { do: "let_go" }],
    };
  }
  switch (state.name) {
    case "offered":
      return offered(state.session, state, event);
    case "connecting":
    case "talking":
    case "redialing":
      return onLine(state, event);
    case "leaving":
      return leaving(state.departure, state, event);
    case "handing_over":
      return handingOver(state, event);
    case "returning":
      return returning(state, event);
    case "ended":
      return stay(state);
  }
}

function offered(session: SessionState, state: CallState, event: LineEvent): Step {
  switch (event.type) {
    case "session_ready":
      return stay({ name: "offered", session: "ready" });
    case "session_lost":
    case "session_unavailable":
      // Lost before it was claimed: the stream's start dials again, and only that dial counts.
      return stay({
        name: "offered",
        session: event.type === "session_lost" ? "released" : "failed",
      });
    case "timer":
      if (event.timer === "claim") {
        return {
          state: { name: "offered", session: "released" },
          effects: [{ do: "close_session" }],
        };
      }
      return event.timer === "arrival"
        ? end("abandoned", "stream_never_came", "fallback", [])
        : stay(state);
    case "stream_started":
      return arrive(session);
    case "caller_gone":
      return end("abandoned", "caller_gone", "hang_up", ARRIVED);
    case "leave":
    case "heard_out":
    case "stream_ended":
    case "transfer_ended":
      return stay(state);
  }
}

function arrive(session: SessionState): Step {
  switch (session) {
    case "ready":
      return {
        state: { name: "talking" },
        effects: [...ARRIVED, { do: "begin", how: "greet" }],
      };
    case "opening":
      return { state: { name: "connecting" }, effects: ARRIVED };
    case "released":
      return {
        state: { name: "connecting" },
        effects: [...ARRIVED, { do: "open_session" }],
      };
    case "failed":
      return fallback("upstream_unreachable", ARRIVED);
  }
}

function onLine(
  state: CallState & { name: "connecting" | "talking" | "redialing" },
  event: LineEvent,
): Step {
  switch (event.type) {
    case "session_ready":
      if (state.name === "talking") return stay(state);
      return {
        state: { name: "talking" },
        effects: [{ do: "begin", how: state.name === "redialing" ? "resume" : "greet" }],
      };
    case "session_lost":
      if (state.name === "connecting") return fallback(event.code, []);
      if (!event.retryable || state.name === "redialing")
        return leave({ kind: "fallback", code: event.code });
      return {
        state: { name: "redialing" },
        effects: [{ do: "redial" }, { do: "arm", timer: "waiting" }],
      };
    case "session_unavailable":
      return leave({ kind: "fallback", code: event.code });
    case "leave":
      return leave(event.departure);
    case "stream_ended":
      // The socket broke, not the call: if the caller is still there, connect-ended brings them back.
      if (!event.clean) {
        return {
          state: { name: "returning" },
          effects: [{ do: "close_session" }, { do: "arm", timer: "arrival" }],
        };
      }
      return hungUp(state.name);
    case "caller_gone":
      return hungUp(state.name);
    case "timer":
      return state.name === "redialing" && event.timer === "waiting" ? comfort(state) : stay(state);
    case "stream_started":
    case "heard_out":
    case "transfer_ended":
      return stay(state);
  }
}

function comfort(state: CallState): Step {
  return { state, effects: [{ do: "comfort" }, { do: "arm", timer: "waiting" }] };
}

function hungUp(from: "connecting" | "talking" | "redialing"): Step {
  return end(from === "connecting" ? "abandoned" : "completed", "caller_hung_up", "hang_up", []);
}

function leave(departure: Disposition): Step {
  if (departure.kind !== "fallback" && departure.farewell === "none")
    return depart(departure, [{ do: "silence_agent" }]);
  const effects: Effect[] = [{ do: "arm", timer: "farewell" }];
  if (departure.kind === "transfer") effects.push({ do: "announce", request: departure.request });
  if (departure.kind !== "fallback" && departure.farewell === "ask")
    effects.push({ do: "ask_farewell", departure });
  return { state: { name: "leaving", departure }, effects };
}

function leaving(departure: Disposition, state: CallState, event: LineEvent): Step {
  switch (event.type) {
    case "heard_out":
      return depart(departure, [{ do: "disarm", timer: "farewell" }]);
    case "timer":
      return event.timer === "farewell"
        ? depart(departure, [{ do: "silence_agent" }])
        : stay(state);
    case "leave": {
      // The caller's key and the supervisor go before anything the agent wanted; the agent may not change its mind.
      const urgent = event.departure.kind !== "fallback" && event.departure.farewell === "none";
      return urgent
        ? depart(event.departure, [{ do: "disarm", timer: "farewell" }, { do: "silence_agent" }])
        : stay(state);
    }
    case "stream_ended":
      // The socket broke in the farewell, not the call: Twilio asks what follows.
      return event.clean || departure.kind !== "transfer"
        ? leftDuring(departure)
        : departWithoutStream(departure);
    case "caller_gone":
      return leftDuring(departure);
    case "session_lost":
    case "session_unavailable":
    case "session_ready":
    case "stream_started":
    case "transfer_ended":
      return stay(state);
  }
}

/** Nobody is there to hear a sound of ours. */
function departWithoutStream(departure: Disposition): Step {
  const { state, effects } = depart(departure, [{ do: "disarm", timer: "farewell" }]);
  return { state, effects: [...effects, { do: "disarm", timer: "waiting" }] };
}

function leftDuring(departure: Disposition): Step {
  const ends = departure.kind === "end";
  return end(
    ends ? "completed" : "abandoned",
    ends ? departure.reason : "caller_hung_up",
    "hang_up",
    [{ do: "disarm", timer: "farewell" }],
  );
}

function depart(departure: Disposition, before: readonly Effect[]): Step {
  switch (departure.kind) {
    case "transfer":
      return {
        state: { name: "handing_over" },
        effects: [
          ...before,
          { do: "close_session" },
          { do: "arm", timer: "waiting" },
          { do: "hand_over", request: departure.request },
        ],
      };
    case "end":
      return end("completed", departure.reason, "hang_up", before);
    case "fallback":
      return fallback(departure.code, before);
  }
}

function handingOver(state: CallState, event: LineEvent): Step {
  // Once Twilio has the caller, what they hear is Twilio's.
  if (event.type === "stream_ended")
    return { state, effects: [{ do: "disarm", timer: "waiting" }] };
  if (event.type === "timer" && event.timer === "waiting") return comfort(state);
  if (event.type !== "transfer_ended") return stay(state);
  switch (event.next) {
    case "connected":
      return end("transferred", "transferred", "hang_up", []);
    case "back_to_agent":
      return { state: { name: "returning" }, effects: [{ do: "arm", timer: "arrival" }] };
    case "apology":
      return end("failed", "transfer_failed", "hang_up", []);
    case "gone":
      return end("abandoned", "caller_hung_up", "hang_up", []);
  }
}

function returning(state: CallState, event: LineEvent): Step {
  switch (event.type) {
    case "stream_started":
      return { state: { name: "redialing" }, effects: [...ARRIVED, { do: "open_session" }] };
    case "caller_gone":
      return end("completed", "caller_hung_up", "hang_up", ARRIVED);
    case "timer":
      // Nobody asked what follows the broken stream, so nobody is there any more.
      return event.timer === "arrival"
        ? end("completed", "caller_hung_up", "fallback", [])
        : stay(state);
    case "stream_ended":
    case "session_ready":
    case "session_lost":
    case "session_unavailable":
    case "leave":
    case "heard_out":
    case "transfer_ended":
      return stay(state);
  }
}

function fallback(code: ErrorCode, before: readonly Effect[]): Step {
  return end("failed", code, "fallback", before);
}

function end(
  outcome: CallOutcome,
  reason: string,
  verdict: ConnectEndedAnswer,
  before: readonly Effect[],
): Step {
  return {
    state: { name: "ended", outcome, reason, verdict },
    effects: [
      ...before,
      { do: "close_session" },
      { do: "close_stream" },
      { do: "finish", outcome, reason },
    ],
  };
}
