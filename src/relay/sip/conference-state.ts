import { assertNever, type ErrorCode } from "../../domain/errors.js";
import type {
  ConferenceEffect,
  ConferenceInput,
  ConferenceState,
  ConferenceStep,
  ConferenceTimer,
  ModelPlace,
} from "./conference-events.js";

/** The most connections to one model within ATTACH_WINDOW_MS; then the model counts as lost. */
const MAX_ATTACHES = 5;
const ATTACH_WINDOW_MS = 60_000;
/** From a redial: a model that is lost again within this is not replaced once more. */
const REDIAL_AGAIN_MS = 60_000;
/** After these errors another model would fail in the same way. */
const HOPELESS: ReadonlySet<ErrorCode> = new Set([
  "upstream_account",
  "upstream_rejected",
  "upstream_response_failed",
]);

export function newConference(kind: ConferenceState["kind"]): ConferenceState {
  return {
    kind,
    model: { name: "absent" },
    callerIn: kind === "trunk",
    callerOnHold: false,
    supervised: false,
    attachedMs: [],
    redialledMs: null,
  };
}

/** The model's call, `rtc_…`, from its ringing to its end; null while there is none. */
export function modelCallOf({ model }: ConferenceState): string | null {
  return "callId" in model ? model.callId : null;
}

/**
 * Decides where caller and model are in a call on the SIP path. Takes a state, an input and the
 * time, and returns the next state and the effects as data; `conference-effects.ts` carries them
 * out. Pure.
 *
 * ```
 * absent → dialing → accepting → attaching ⇄ attached
 *   ↑  ↘ holding ↗        ↓           ↓         ↓
 *   └───────────────── losing ←──────────────────
 * ```
 */
export function step(
  state: ConferenceState,
  input: ConferenceInput,
  nowMs: number,
): ConferenceStep {
  if (state.model.name === "over") {
    // A leg that rings or is accepted after the end of the call.
    if (input.type === "rings") return { state, effects: [reject(input.callId)] };
    return input.type === "accepted"
      ? { state, effects: [{ do: "hang_up_model", callId: input.callId }] }
      : { state, effects: [] };
  }
  switch (input.type) {
    case "caller_expected":
    case "caller_joined":
    case "caller_left":
      return caller(state, input);
    case "call_model":
      return callModel(state, input.again, nowMs);
    case "hold_done":
      return held(state, input.callerGone);
    case "caller_stuck":
      return stuckOnHold(state);
    case "rings":
    case "accepted":
    case "accept_failed":
      return ringing(state, input, nowMs);
    case "session_ready":
    case "session_lost":
    case "session_unavailable":
      return session(state, input, nowMs);
    case "add_failed":
      return state.model.name === "dialing" ? lost(state, input.code, nowMs) : stay(state);
    case "leg_ended":
      return legEnded(state, nowMs);
    case "timer":
      return timer(state, input.timer, nowMs);
    case "agent_left":
      return keepOnHold(state);
    case "supervisor":
      return supervisor(state, input.speaks);
    case "release":
      return release(state);
    case "over":
      return over(state);
    default:
      return assertNever(input);
  }
}

const stay = (state: ConferenceState): ConferenceStep => ({ state, effects: [] });

const reject = (callId: string): ConferenceEffect => ({ do: "reject", callId });

function to(
  state: ConferenceState,
  model: ModelPlace,
  ...effects: readonly ConferenceEffect[]
): ConferenceStep {
  return { state: { ...state, model }, effects };
}

// --- the caller ----------------------------------------------------------------------------------

function caller(
  state: ConferenceState,
  input: ConferenceInput & { type: "caller_expected" | "caller_joined" | "caller_left" },
): ConferenceStep {
  switch (input.type) {
    case "caller_expected":
      return expected(state, input.returns);
    case "caller_joined":
      return joined(state);
    case "caller_left":
      return {
        state: { ...state, callerIn: false },
        effects: input.hungUp ? [{ do: "tell_caller_gone" }] : [],
      };
  }
}

function expected(before: ConferenceState, returns: boolean): ConferenceStep {
  const state = { ...before, callerIn: false, callerOnHold: false };
  const arrival = [{ do: "store" }, { do: "arm", timer: "join" }] as const;
  if (!returns) return { state, effects: arrival };
  // The model's leg ended with the conference, although its callback may still be on the way.
  const { effects } = release(state);
  return to(state, { name: "absent" }, ...effects, { do: "tell_caller_returns" }, ...arrival);
}

function joined(state: ConferenceState): ConferenceStep {
  if (state.callerIn) return stay(state);
  return {
    state: { ...state, callerIn: true },
    effects: [{ do: "disarm", timer: "join" }, { do: "tell_caller_arrived" }],
  };
}

function keepOnHold(state: ConferenceState): ConferenceStep {
  if (state.callerOnHold || !state.callerIn || state.kind === "trunk") return stay(state);
  return { state: { ...state, callerOnHold: true }, effects: [{ do: "hold", on: true }] };
}

/** A caller on hold would not hear the supervisor. Alone and not on hold, they hear nothing. */
function supervisor(before: ConferenceState, speaks: boolean): ConferenceStep {
  const state = { ...before, supervised: speaks };
  if (speaks) {
    return before.callerOnHold
      ? { state: { ...state, callerOnHold: false }, effects: [{ do: "hold", on: false }] }
      : stay(state);
  }
  const { name } = state.model;
  if (name === "attached" && state.callerOnHold)
    return { state: { ...state, callerOnHold: false }, effects: [{ do: "hold", on: false }] };
  return name === "dialing" || name === "accepting" ? keepOnHold(state) : stay(state);
}

/** The caller stays on hold and hears music in place of the model: the model counts as lost. */
function stuckOnHold(state: ConferenceState): ConferenceStep {
  const { model } = state;
  if (state.callerOnHold) return stay(state);
  // The supervisor sees the call and can transfer the caller.
  if (state.supervised) return stay({ ...state, callerOnHold: true });
  if (model.name !== "attaching" && model.name !== "attached") return stay(state);
  return to(
    state,
    { name: "losing", code: "twilio_unavailable", retryable: false },
    ...goneEffects(model.callId),
    { do: "arm", timer: "grace" },
  );
}

// --- the model's leg -----------------------------------------------------------------------------

function callModel(state: ConferenceState, again: boolean, nowMs: number): ConferenceStep {
  if (state.model.name !== "absent" || state.kind === "trunk") return stay(state);
  if (!again) return dial(state);
  if (state.supervised) return dial({ ...state, redialledMs: nowMs });
  return {
    state: {
      ...state,
      model: { name: "holding" },
      callerOnHold: true,
      redialledMs: nowMs,
    },
    effects: [
      { do: "hold", on: true },
      { do: "arm", timer: "hold" },
    ],
  };
}

function dial(state: ConferenceState): ConferenceStep {
  return to(
    { ...state, attachedMs: [] },
    { name: "dialing" },
    { do: "store" },
    { do: "add_leg" },
    { do: "arm", timer: "model" },
  );
}

/** Twilio has answered. Even without the hold, the model is dialled, unless the caller is gone. */
function held(state: ConferenceState, callerGone: boolean): ConferenceStep {
  if (state.model.name !== "holding") return stay(state);
  const isAnswered = { do: "disarm", timer: "hold" } as const;
  if (callerGone) return to(state, { name: "absent" }, isAnswered, { do: "tell_caller_gone" });
  const dialled = dial(state);
  return { ...dialled, effects: [isAnswered, ...dialled.effects] };
}

function ringing(
  state: ConferenceState,
  input: ConferenceInput & { type: "rings" | "accepted" | "accept_failed" },
  nowMs: number,
): ConferenceStep {
  const { model } = state;
  const { callId } = input;
  if (input.type === "rings") {
    const awaited =
      model.name === "dialing" ||
      (model.name === "absent" && (state.kind === "trunk" || input.adopted));
    if (!awaited) return { state, effects: [reject(callId)] };
    return to(
      state,
      { name: "accepting", callId, adopted: input.adopted },
      { do: "accept", callId, tries: 1, pauseMs: 0 },
      ...(input.adopted ? [{ do: "arm", timer: "model" } as const] : []),
      { do: "store" },
    );
  }
  const isOurs = model.name === "accepting" && model.callId === callId;
  if (input.type === "accepted") {
    return isOurs
      ? attach(state, callId, "new", nowMs)
      : { state, effects: [{ do: "hang_up_model", callId }] };
  }
  if (!isOurs) return stay(state);
  const { code, pauseMs, tries } = input;
  if (pauseMs !== null)
    return { state, effects: [{ do: "accept", callId, tries: tries + 1, pauseMs }] };
  if (code !== "upstream_rejected") return lost(state, code, nowMs);
  // OpenAI may have carried out a try whose answer was lost. It then refuses the next try, and the
  // call is ours.
  if (tries > 1) return attach(state, callId, "new", nowMs);
  // The process that dialled the model has accepted the call after all.
  return model.adopted
    ? to(state, { name: "over" }, { do: "disarm", timer: "model" }, { do: "tell_taken_elsewhere" })
    : lost(state, code, nowMs);
}

function attach(
  state: ConferenceState,
  callId: string,
  conversation: "new" | "kept",
  nowMs: number,
): ConferenceStep {
  const recent = state.attachedMs.filter((ms) => nowMs - ms < ATTACH_WINDOW_MS);
  if (recent.length >= MAX_ATTACHES) return lost(state, "upstream_closed", nowMs);
  return to(
    { ...state, attachedMs: [...recent, nowMs] },
    { name: "attaching", callId },
    { do: "attach", callId, conversation },
  );
}

function session(
  state: ConferenceState,
  input: ConferenceInput & { type: "session_ready" | "session_lost" | "session_unavailable" },
  nowMs: number,
): ConferenceStep {
  const { model } = state;
  if (model.name !== "attaching" && model.name !== "attached") return stay(state);
  const { callId } = model;
  switch (input.type) {
    case "session_ready":
      return to(
        { ...state, callerOnHold: false },
        { name: "attached", callId },
        { do: "disarm", timer: "model" },
        ...(state.callerOnHold ? [{ do: "hold", on: false } as const] : []),
      );
    case "session_lost":
      // Only our connection is gone. The model still has the caller and the conversation.
      return input.retryable
        ? attach(state, callId, "kept", nowMs)
        : lost(state, input.code, nowMs);
    case "session_unavailable":
      return lost(state, input.code, nowMs);
  }
}

function legEnded(state: ConferenceState, nowMs: number): ConferenceStep {
  switch (state.model.name) {
    case "accepting":
    case "attaching":
    case "attached":
      return lost(state, "upstream_closed", nowMs);
    case "dialing":
      return lost(state, "upstream_refused", nowMs);
    default:
      return stay(state);
  }
}

function timer(state: ConferenceState, name: ConferenceTimer, nowMs: number): ConferenceStep {
  const { model } = state;
  switch (name) {
    case "join":
      // Normally triggered by Twilio's participant-join callback. If that never arrives, go on
      // anyway.
      return joined(state);
    case "hold":
      return model.name === "holding" ? dial(state) : stay(state);
    case "model":
      return model.name === "dialing" || model.name === "accepting" || model.name === "attaching"
        ? lost(state, "upstream_timeout", nowMs)
        : stay(state);
    case "grace": {
      if (model.name !== "losing") return stay(state);
      const { code, retryable } = model;
      return to(state, { name: "absent" }, { do: "tell_model_lost", code, retryable });
    }
  }
}

/**
 * The model is gone. When the caller hangs up, the model's leg ends, too, so wait a moment for the
 * news that they hung up.
 */
function lost(state: ConferenceState, code: ErrorCode, nowMs: number): ConferenceStep {
  const callId = modelCallOf(state);
  const gone = goneEffects(callId);
  const soon = state.redialledMs !== null && nowMs - state.redialledMs < REDIAL_AGAIN_MS;
  const retryable = !HOPELESS.has(code) && !soon;
  if (callId === null || state.kind === "trunk")
    return to(state, { name: "absent" }, ...gone, { do: "tell_model_lost", code, retryable });
  return to(state, { name: "losing", code, retryable }, ...gone, { do: "arm", timer: "grace" });
}

function goneEffects(callId: string | null): readonly ConferenceEffect[] {
  return [
    { do: "disarm", timer: "model" },
    { do: "detach" },
    ...(callId === null ? [] : [{ do: "hang_up_model", callId } as const]),
    { do: "drop_legs" },
  ];
}

function release(state: ConferenceState): ConferenceStep {
  return to(
    state,
    { name: "absent" },
    { do: "disarm", timer: "grace" },
    ...goneEffects(modelCallOf(state)),
  );
}

function over(state: ConferenceState): ConferenceStep {
  return to(
    state,
    { name: "over" },
    { do: "disarm", timer: "join" },
    { do: "disarm", timer: "grace" },
    ...goneEffects(modelCallOf(state)),
    // A caller who is with a human now must be able to hear them.
    ...(state.callerOnHold && state.callerIn ? [{ do: "hold", on: false } as const] : []),
  );
}
