/**
 * Decides what a transfer does next. `step` takes a state, an event and the time, and returns the
 * next state and the effects as data; `transfer-effects.ts` carries them out. Pure.
 *
 * ```
 *              ┌──────────────────── next step ───────────────────┐
 *              ↓                                                  │
 * farewell → redirecting → dialing ─────────────────────→ answered, or the step failed
 *                        ↘ ringing → screening → joining ↗        ↓
 *                                                             returning → over
 *                                                             (to the agent or an apology)
 * ```
 *
 * Twilio repeats callbacks, sends them out of order and may carry out a request whose answer is
 * lost. So every document and every consult leg has a number; a callback with an old number changes
 * nothing, and any sign that the caller is in the current document counts as the answer to the
 * request that took them there.
 */
import { assertNever } from "../domain/errors.js";
import { dialingProbed, dialingTimer, inDocument } from "./caller-document.js";
import {
  begin,
  probed,
  redirected,
  redirectFailed,
  redirectResumed,
  redirectTimer,
  streamFollowed,
} from "./caller-redirect.js";
import { consult, consultResumed, consultTimer } from "./consult-leg.js";
import { callerGone, Draft, watchDialing } from "./draft.js";
import { FOLLOW_MS, GRACE_MS } from "./timings.js";
import type {
  OnStream,
  Page,
  TransferEvent,
  TransferState,
  TransferStep,
} from "./transfer-events.js";

export function step(state: TransferState, event: TransferEvent, nowMs: number): TransferStep {
  const draft = new Draft(state);
  decide(draft, event, nowMs);
  const answer = defaultAnswer(draft.state, event);
  if (answer !== null && !draft.effects.some((effect) => effect.do === "answer"))
    draft.do({ do: "answer", page: answer });
  return { state: draft.state, effects: draft.effects };
}

function decide(draft: Draft, event: TransferEvent, nowMs: number): void {
  switch (event.type) {
    case "farewell_heard":
      if (draft.state.phase.name === "farewell") begin(draft, event.onStream, nowMs);
      return;
    case "stream_followed":
      streamFollowed(draft);
      return;
    case "redirected":
      if (event.revision === draft.state.revision) redirected(draft, event);
      return;
    case "redirect_failed":
      if (event.revision === draft.state.revision) redirectFailed(draft, event, nowMs);
      return;
    case "probed":
      if (event.revision !== draft.state.revision) return;
      if (draft.state.phase.name === "dialing") dialingProbed(draft, event);
      else probed(draft, event, nowMs);
      return;
    case "document_seen":
    case "child_status":
    case "document_ended":
      inDocument(draft, event);
      return;
    case "consult_created":
    case "consult_failed":
    case "consult_found":
    case "consult_status":
    case "consult_answered":
    case "consult_joined":
      consult(draft, event, nowMs);
      return;
    case "caller_gone":
      callerGone(draft);
      return;
    case "timer":
      timer(draft, event.onStream, nowMs);
      return;
    case "resumed":
      resumed(draft);
      return;
    default:
      assertNever(event);
  }
}

/** The page that answers Twilio when the decision names none: it fits the present situation. */
function defaultAnswer(state: TransferState, event: TransferEvent): Page | null {
  const { phase } = state;
  if (event.type === "consult_answered") {
    const isOurs =
      event.answer === "accept" &&
      event.attempt === state.attempt &&
      event.sid === state.consultLeg;
    const accepted =
      phase.name === "joining" || (phase.name === "over" && phase.outcome === "answered");
    return isOurs && accepted ? "join" : "too_late";
  }
  if (event.type !== "document_ended" && event.type !== "stream_followed") return null;
  if (phase.name !== "returning" && phase.name !== "over") return "step";
  switch (phase.next) {
    case "connected":
    case "gone":
      return "hangup";
    case "back_to_agent":
      return "agent";
    case "apology":
      return "apology";
  }
}

function timer(draft: Draft, onStream: OnStream, nowMs: number): void {
  switch (draft.state.phase.name) {
    case "farewell":
      begin(draft, onStream, nowMs);
      return;
    case "redirecting":
    case "returning":
      redirectTimer(draft, onStream, nowMs);
      return;
    case "dialing":
      dialingTimer(draft);
      return;
    case "ringing":
    case "screening":
    case "joining":
      consultTimer(draft, nowMs);
      return;
    case "over":
      return;
  }
}

/**
 * Another process has taken the transfer over: requests under way may or may not have been done.
 */
function resumed(draft: Draft): void {
  const { phase } = draft.state;
  switch (phase.name) {
    case "farewell":
      // Its stream died with the process that held it: Twilio asks what follows, and is answered.
      draft.arm(FOLLOW_MS);
      return;
    case "redirecting":
    case "returning":
      redirectResumed(draft);
      return;
    case "dialing":
      if (phase.callerGone) draft.arm(GRACE_MS);
      else watchDialing(draft);
      return;
    case "ringing":
    case "screening":
    case "joining":
      consultResumed(draft);
      return;
    case "over":
      return;
  }
}

/**
 * The state before anything has happened.
 *
 * @param firstRevision  above every revision and attempt of earlier transfers of the call.
 */
export function beginTransfer(
  failoverList: TransferState["failoverList"],
  afterLastStep: TransferState["afterLastStep"],
  firstRevision = 1,
  agentStays = false,
): TransferState {
  return {
    failoverList,
    step: 0,
    agentStays,
    revision: firstRevision,
    attempt: 0,
    consultLeg: null,
    afterLastStep,
    phase: { name: "farewell" },
  };
}
