import {
  ARRIVED,
  depart,
  end,
  endAtOnce,
  ended,
  fallback,
  handOver,
  stay,
} from "./call-endings.js";
import type {
  CallEvent,
  CallState,
  Disposition,
  Effect,
  SessionState,
  Step,
  TransferNext,
} from "./call-events.js";

/** Events whose meaning depends on the state. `step` handles the others for all states. */
type LineEvent = Exclude<CallEvent, { readonly type: "abandoned" | "moved" | "gave_up" }>;

/** The state of a call whose session is opened before its stream has come. */
export const OFFERED: CallState = { name: "offered", session: "opening" };

/**
 * Decides the life of one call, on either path. Takes a state and an event, and returns the next
 * state and the effects as data; `call-effects.ts` carries them out. Audio never passes through
 * here. Pure.
 *
 * ```
 * offered → connecting → talking ⇄ redialing
 *                           ↓  ↘
 *                        leaving → handing_over → returning → redialing …
 *                           ↓           ↓
 *                        closing → ended
 * ```
 */
export function step(state: CallState, event: CallEvent): Step {
  switch (event.type) {
    case "abandoned":
      return abandoned(state, event.reason);
    case "moved":
      return moved(state);
    case "gave_up":
      return isOver(state) || state.name === "handing_over" || state.name === "leaving"
        ? stay(state)
        : fallback(event.reason, ARRIVED, true);
    default:
      return onLineEvent(state, event);
  }
}

/** The outcome is known, and nothing more happens to the caller here. */
export function isOver(state: CallState): state is CallState & { name: "closing" | "ended" } {
  return state.name === "closing" || state.name === "ended";
}

/** States in which a reply may be owed. In all others the reply ledger is cleared. */
export const SERVES: ReadonlySet<CallState["name"]> = new Set([
  "offered",
  "connecting",
  "talking",
  "redialing",
  "handing_over",
  "returning",
]);

function onLineEvent(state: CallState, event: LineEvent): Step {
  switch (state.name) {
    case "offered":
      return offered(state.session, state, event);
    case "connecting":
    case "talking":
    case "redialing":
      return onLine(state, event);
    case "leaving":
      return leaving(state.disposition, state, event);
    case "handing_over":
      return handingOver(state, event);
    case "returning":
      return returning(state, event);
    case "closing":
      return closing(state, event);
    case "ended":
      return stay(state);
  }
}

function abandoned(state: CallState, reason: string): Step {
  if (state.name === "closing") return ended(state);
  if (state.name === "ended" || state.name === "handing_over") return stay(state);
  // A process that shuts down does not wait for transcripts.
  return endAtOnce("failed", reason, "fallback", ARRIVED);
}

function moved(state: CallState): Step {
  // Only a call that waits for its caller, or for its model, can move elsewhere.
  if (state.name !== "offered" && state.name !== "returning" && state.name !== "connecting")
    return stay(state);
  return {
    state: { name: "ended", outcome: "completed", reason: "moved", next: "hang_up" },
    effects: [...ARRIVED, { do: "release_model", why: "end" }, { do: "move_away" }],
  };
}

function offered(session: SessionState, state: CallState, event: LineEvent): Step {
  switch (event.type) {
    case "session_ready":
      return stay({ name: "offered", session: "ready" });
    case "session_lost":
    case "session_unavailable":
      // A warm session that was lost is dialled again when the stream starts. One that could not be
      // opened, with its retry, sends the caller to the fallback destination.
      return stay({
        name: "offered",
        session: event.type === "session_lost" ? "released" : "failed",
      });
    case "timer":
      if (event.timer === "claim") {
        return {
          state: { name: "offered", session: "released" },
          effects: [{ do: "release_model", why: "unclaimed" }],
        };
      }
      return event.timer === "arrival"
        ? end("abandoned", "stream_never_came", "fallback", [])
        : stay(state);
    case "caller_arrived":
      return arrive(session);
    case "caller_gone":
      return end("abandoned", "caller_gone", "hang_up", ARRIVED);
    default:
      return stay(state);
  }
}

function arrive(session: SessionState): Step {
  switch (session) {
    case "ready":
      return { state: { name: "talking" }, effects: [...ARRIVED, { do: "begin", how: "greet" }] };
    case "opening":
      return { state: { name: "connecting" }, effects: ARRIVED };
    case "released":
      return { state: { name: "connecting" }, effects: [...ARRIVED, { do: "open_session" }] };
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
      return ready(state, event.conversation);
    case "session_lost":
      if (state.name === "connecting") return fallback(event.code, []);
      if (!event.retryable || state.name === "redialing")
        return leave({ kind: "fallback", code: event.code });
      return {
        state: { name: "redialing", after: "lost" },
        effects: [{ do: "redial" }],
      };
    case "session_unavailable":
      return leave({ kind: "fallback", code: event.code });
    case "leave":
      return event.agentStays && event.disposition.kind === "transfer"
        ? handOver(event.disposition.request, [], true)
        : leave(event.disposition);
    case "stream_ended":
      // Only the socket broke. If the caller is still on the line, Twilio asks `connect-ended`,
      // which brings them back.
      if (!event.clean) {
        return {
          state: { name: "returning" },
          effects: [
            { do: "release_model", why: "stream_broke" },
            { do: "arm", timer: "arrival" },
          ],
        };
      }
      return hungUp(state.name);
    case "caller_gone":
      return hungUp(state.name);
    case "caller_returns":
      return { state: { name: "returning" }, effects: [{ do: "arm", timer: "arrival" }] };
    default:
      return stay(state);
  }
}

function ready(
  state: CallState & { name: "connecting" | "talking" | "redialing" },
  conversation: "new" | "kept",
): Step {
  const talking: CallState = { name: "talking" };
  if (state.name === "talking") {
    return conversation === "kept"
      ? { state, effects: [{ do: "begin", how: "reattach" }] }
      : stay(state);
  }
  if (state.name === "connecting")
    return { state: talking, effects: [{ do: "begin", how: "greet" }] };
  const how = state.after === "lost" ? "resume" : "return";
  return { state: talking, effects: [{ do: "begin", how }] };
}

function hungUp(from: "connecting" | "talking" | "redialing"): Step {
  return end(from === "connecting" ? "abandoned" : "completed", "caller_hung_up", "hang_up", []);
}

function leave(disposition: Disposition): Step {
  if (disposition.kind !== "fallback" && disposition.farewell === "none")
    return depart(disposition, [{ do: "silence_agent" }]);
  const effects: Effect[] = [{ do: "arm", timer: "farewell" }];
  if (disposition.kind === "transfer")
    effects.push({ do: "announce", request: disposition.request });
  if (disposition.kind !== "fallback" && disposition.farewell === "ask")
    effects.push({ do: "ask_farewell", disposition });
  return { state: { name: "leaving", disposition }, effects };
}

function leaving(disposition: Disposition, state: CallState, event: LineEvent): Step {
  switch (event.type) {
    case "heard_out":
      return depart(disposition, [{ do: "disarm", timer: "farewell" }]);
    case "timer":
      return event.timer === "farewell"
        ? depart(disposition, [{ do: "silence_agent" }])
        : stay(state);
    case "leave": {
      // The transfer key and a supervisor override the agent's decision. The agent itself cannot
      // change it any more.
      const { disposition: other } = event;
      const urgent = other.kind !== "fallback" && other.farewell === "none";
      return urgent
        ? depart(other, [{ do: "disarm", timer: "farewell" }, { do: "silence_agent" }])
        : stay(state);
    }
    case "stream_ended":
      // Only the socket broke, during the farewell. Twilio asks what follows.
      return event.clean || disposition.kind === "end"
        ? leftDuring(disposition)
        : departWithoutStream(disposition);
    case "caller_gone":
      return leftDuring(disposition);
    default:
      return stay(state);
  }
}

/** As `depart` for a caller whose stream is gone: they hear nothing more of the relay. */
function departWithoutStream(disposition: Disposition): Step {
  const { state, effects } = depart(disposition, [{ do: "disarm", timer: "farewell" }]);
  return { state, effects: [...effects, { do: "caller_taken" }] };
}

function leftDuring(disposition: Disposition): Step {
  const ends = disposition.kind === "end";
  return end(
    ends ? "completed" : "abandoned",
    ends ? disposition.reason : "caller_hung_up",
    "hang_up",
    [{ do: "disarm", timer: "farewell" }],
  );
}

function handingOver(state: CallState & { name: "handing_over" }, event: LineEvent): Step {
  switch (event.type) {
    case "stream_ended":
      // From now on the caller hears Twilio, not the relay.
      return { state, effects: [{ do: "caller_taken" }] };
    case "stream_followed":
      return {
        state,
        effects: [{ do: "caller_taken" }, { do: "disarm", timer: "arrival" }],
      };
    case "timer":
      // Twilio never asked what follows the stream, so the caller is gone.
      return event.timer === "arrival"
        ? { state, effects: [{ do: "tell_caller_gone" }] }
        : stay(state);
    case "caller_gone":
      return { state, effects: [{ do: "tell_caller_gone" }] };
    case "session_lost":
    case "session_unavailable":
      return { state, effects: [{ do: "keep_company" }] };
    case "session_ready":
      return { state, effects: [{ do: "begin", how: "reattach" }] };
    case "transfer_ended":
      return transferEnded(state.failure, event.next, event.agentHere);
    default:
      return stay(state);
  }
}

function transferEnded(failure: string | null, next: TransferNext, agentHere: boolean): Step {
  switch (next) {
    case "back_to_agent":
      if (agentHere) return stay({ name: "talking" });
      return { state: { name: "returning" }, effects: [{ do: "arm", timer: "arrival" }] };
    case "connected":
      // The caller talks with a human now. The model must not hear them, so end without waiting.
      return failure === null
        ? endAtOnce("transferred", "transferred", "hang_up", ARRIVED)
        : endAtOnce("failed", failure, "hang_up", ARRIVED);
    case "apology":
      return failure === null
        ? end("failed", "transfer_failed", "hang_up", ARRIVED)
        : end("failed", failure, "fallback", ARRIVED);
    case "gone":
      return failure === null
        ? end("abandoned", "caller_hung_up", "hang_up", ARRIVED)
        : end("failed", failure, "hang_up", ARRIVED);
  }
}

function returning(state: CallState, event: LineEvent): Step {
  switch (event.type) {
    case "caller_arrived":
      return {
        state: { name: "redialing", after: "return" },
        effects: [...ARRIVED, { do: "open_session" }],
      };
    case "caller_gone":
      return end("completed", "caller_hung_up", "hang_up", ARRIVED);
    case "timer":
      // Twilio did not ask what follows the broken stream, so the caller is gone.
      return event.timer === "arrival"
        ? end("completed", "caller_hung_up", "fallback", [])
        : stay(state);
    default:
      return stay(state);
  }
}

function closing(state: CallState & { name: "closing" }, event: LineEvent): Step {
  switch (event.type) {
    case "transcripts_complete":
    case "session_lost":
    case "session_unavailable":
      return ended(state);
    case "timer":
      return event.timer === "transcripts" ? ended(state) : stay(state);
    default:
      return stay(state);
  }
}
