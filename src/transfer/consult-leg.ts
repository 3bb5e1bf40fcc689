/**
 * Decisions about the consult leg of a warm transfer: the human is called, hears the whisper, and
 * is asked to accept the call. Pure.
 */
import { isFinalStatus, type TwilioCallStatus } from "../domain/call-status.js";
import type { CallSid } from "../domain/ids.js";
import type { TransferOutcome } from "../domain/transfer-request.js";
import { connected, type Draft, isConsulting, nextStep, watchRinging } from "./draft.js";
import { consultPause, JOIN_MS, MAX_PROBES, SCREENING_MS, SHOW_MS } from "./timings.js";
import type { ConsultEvent } from "./transfer-events.js";

type EventOf<Type extends ConsultEvent["type"]> = Extract<ConsultEvent, { type: Type }>;

export function consult(draft: Draft, event: ConsultEvent, nowMs: number): void {
  const { state } = draft;
  if (event.attempt !== state.attempt || !isConsulting(state.phase)) {
    staleLeg(draft, event);
    return;
  }
  switch (event.type) {
    case "consult_created":
      recognise(draft, event.sid);
      return;
    case "consult_failed":
      notCreated(draft, event, nowMs);
      return;
    case "consult_found":
      found(draft, event, nowMs);
      return;
    case "consult_status":
      if (event.status !== null && !isFinalStatus(event.status) && !recognise(draft, event.sid))
        return;
      if (state.consultLeg === null || state.consultLeg === event.sid)
        legStatus(draft, event, nowMs);
      return;
    case "consult_answered":
      answered(draft, event, nowMs);
      return;
    case "consult_joined":
      connected(draft);
      return;
  }
}

/** A leg that no caller waits for any more must not go on ringing. */
function staleLeg(draft: Draft, event: ConsultEvent): void {
  const { consultLeg } = draft.state;
  switch (event.type) {
    case "consult_created":
      if (event.sid !== consultLeg) draft.do({ do: "hang_up_consult_leg", sid: event.sid });
      return;
    case "consult_status":
      if (event.status !== null && !isFinalStatus(event.status) && event.sid !== consultLeg)
        draft.do({ do: "hang_up_consult_leg", sid: event.sid });
      return;
    case "consult_failed":
    case "consult_found":
    // If it was created all the same, its own callbacks will show it.
    case "consult_answered":
    case "consult_joined":
      return;
  }
}

/** True when this is the leg: the first that shows itself. Any other is hung up. */
function recognise(draft: Draft, sid: CallSid): boolean {
  const { phase } = draft.state;
  if (draft.state.consultLeg === null) {
    draft.state = { ...draft.state, consultLeg: sid };
    if (phase.name === "ringing") {
      draft.phase({ ...phase, pausing: false });
      watchRinging(draft);
    }
  }
  if (draft.state.consultLeg === sid) return true;
  draft.do({ do: "hang_up_consult_leg", sid });
  return false;
}

function notCreated(draft: Draft, event: EventOf<"consult_failed">, nowMs: number): void {
  const { phase, consultLeg } = draft.state;
  // A callback has shown the leg already: the request was carried out.
  if (phase.name !== "ringing" || consultLeg !== null) return;
  draft.do({ do: "record", step: "consult_failed", detail: event.code });
  switch (event.code) {
    case "twilio_timeout":
    case "twilio_unavailable":
      // It may have been created.
      draft.do({ do: "find_consult_leg", attempt: event.attempt });
      return;
    case "twilio_busy":
      callAgain(draft, nowMs);
      return;
    default:
      nextStep(draft, "failed", "rest", nowMs);
  }
}

/**
 * Twilio's list does not say for whom a number is called, and another caller may be waiting for the
 * same human. So a leg found there is not taken for ours: if it is, its own callback, which carries
 * our attempt, comes within moments.
 */
function found(draft: Draft, event: EventOf<"consult_found">, nowMs: number): void {
  const { phase, consultLeg } = draft.state;
  if (phase.name !== "ringing" || consultLeg !== null) return;
  if (event.exists === false) callAgain(draft, nowMs);
  // The callback about its ringing may have gone to the process that died. The next one will be
  // about its answer.
  else if (phase.resumed === true) watchRinging(draft);
  else draft.arm(SHOW_MS);
}

function callAgain(draft: Draft, nowMs: number): void {
  const { phase } = draft.state;
  if (phase.name !== "ringing") return;
  const tries = phase.tries + 1;
  const pauseMs = consultPause(tries);
  if (pauseMs === null) {
    nextStep(draft, "failed", "rest", nowMs);
    return;
  }
  draft.phase({ name: "ringing", tries, pausing: true });
  draft.arm(pauseMs);
}

function legStatus(draft: Draft, event: EventOf<"consult_status">, nowMs: number): void {
  const { phase } = draft.state;
  const { status, source } = event;
  if (source === "probe" && phase.name === "ringing" && phase.resumed === true) {
    draft.phase({ ...phase, resumed: false });
    // It may ring for its full time, counted from now.
    if (status === null || (!isFinalStatus(status) && status !== "in-progress")) return;
  }
  if (status === null) {
    statusUnknown(draft, nowMs);
    return;
  }
  if (isFinalStatus(status)) {
    const outcome = legOutcome(phase.name, status);
    // There is no leg left to hang up.
    draft.state = { ...draft.state, consultLeg: null };
    nextStep(draft, outcome, "rest", nowMs);
    return;
  }
  if (status !== "in-progress") {
    if (source !== "probe") return;
    if (phase.name === "ringing") nextStep(draft, "no_answer", "rest", nowMs);
    // They have pressed a key, so that Twilio's word is out of date.
    else if (phase.name === "joining") statusUnknown(draft, nowMs);
    return;
  }
  if (phase.name === "ringing") {
    draft.phase({ name: "screening" });
    draft.do({ do: "record", step: "screening", detail: null }, { do: "arm", ms: SCREENING_MS });
  } else if (phase.name === "joining" && source === "probe") connected(draft);
}

/**
 * Twilio would not say. A human who accepted was sent into the conference, so they are asked for
 * again, and in the end believed. One who may not even have answered is not waited for.
 */
function statusUnknown(draft: Draft, nowMs: number): void {
  const { phase } = draft.state;
  if (phase.name !== "joining") {
    nextStep(draft, "no_answer", "rest", nowMs);
    return;
  }
  if (phase.probes + 1 >= MAX_PROBES) {
    connected(draft);
    return;
  }
  draft.phase({ name: "joining", probes: phase.probes + 1 });
  draft.arm(JOIN_MS);
}

function legOutcome(
  phase: string,
  status: TwilioCallStatus,
): Exclude<TransferOutcome, "answered" | "denied"> {
  switch (status) {
    case "busy":
      return "busy";
    case "no-answer":
      return "no_answer";
    case "completed":
      // Answered, then hung up: during the screening that is a refusal.
      return phase === "ringing" ? "no_answer" : phase === "screening" ? "declined" : "failed";
    default:
      return "failed";
  }
}

function answered(draft: Draft, event: EventOf<"consult_answered">, nowMs: number): void {
  const { phase } = draft.state;
  if (phase.name === "joining" || !recognise(draft, event.sid)) return;
  draft.do({ do: "record", step: event.answer === "none" ? "no_key" : event.answer, detail: null });
  switch (event.answer) {
    case "accept":
      draft.phase({ name: "joining", probes: 0 });
      draft.do({ do: "arm", ms: JOIN_MS }, { do: "answer", page: "join" });
      return;
    case "decline":
      nextStep(draft, "declined", "rest", nowMs);
      return;
    case "none":
      nextStep(draft, "no_answer", "rest", nowMs);
      return;
  }
}

export function consultTimer(draft: Draft, nowMs: number): void {
  const { phase, consultLeg } = draft.state;
  switch (phase.name) {
    case "ringing":
      if (phase.resumed === true) draft.phase({ ...phase, resumed: false });
      if (phase.pausing) {
        draft.phase({ ...phase, pausing: false });
        watchRinging(draft);
        draft.do({ do: "call_consult_leg" });
      } else if (consultLeg !== null) draft.do({ do: "probe_consult_leg", sid: consultLeg });
      else nextStep(draft, "failed", "rest", nowMs);
      return;
    case "screening":
      nextStep(draft, "no_answer", "rest", nowMs);
      return;
    case "joining":
      if (consultLeg !== null) draft.do({ do: "probe_consult_leg", sid: consultLeg });
      return;
    default:
      return;
  }
}

/** Another process has taken the transfer over. */
export function consultResumed(draft: Draft): void {
  const { phase, consultLeg, attempt } = draft.state;
  if (phase.name === "ringing") {
    draft.phase({ ...phase, resumed: true });
    watchRinging(draft);
  }
  if (phase.name === "screening") draft.arm(SCREENING_MS);
  if (phase.name === "joining") draft.arm(JOIN_MS);
  else if (consultLeg === null) draft.do({ do: "find_consult_leg", attempt });
  else draft.do({ do: "probe_consult_leg", sid: consultLeg });
}
