/**
 * The other end of a warm transfer: a human who is rung, briefed, and asked whether to take the call. Pure.
 */

import type { TwilioCallStatus } from "../domain/call-status.js";
import type { TransferOutcome } from "../domain/record-event.js";
import {
  BRIEFING_MS,
  connected,
  type Draft,
  isFinal,
  isWarm,
  JOIN_MS,
  nextRung,
  PAUSES_MS,
  RING_TRIES_MOST,
  SHOW_MS,
  watchRing,
} from "./steps.js";
import type { TransferEvent } from "./transfer-events.js";

export type HumanEvent = Extract<
  TransferEvent,
  {
    type:
      | "human_created"
      | "human_failed"
      | "human_found"
      | "human_status"
      | "human_answered"
      | "joined";
  }
>;

export function human(draft: Draft, event: HumanEvent, nowMs: number): void {
  const { state } = draft;
  const current = event.ring === state.ring && isWarm(state.phase);
  if (!current) {
    stranger(draft, event);
    return;
  }
  switch (event.type) {
    case "human_created":
      recognise(draft, event.sid);
      return;
    case "human_failed":
      notRung(draft, event, nowMs);
      return;
    case "human_found":
      found(draft, event, nowMs);
      return;
    case "human_status":
      if (event.status !== null && !isFinal(event.status) && !recognise(draft, event.sid)) return;
      if (state.human === null || state.human === event.sid) legStatus(draft, event, nowMs);
      return;
    case "human_answered":
      answered(draft, event, nowMs);
      return;
    case "joined":
      connected(draft);
      return;
  }
}

/** A leg that nobody waits for any more must not go on ringing. */
function stranger(draft: Draft, event: HumanEvent): void {
  const { state } = draft;
  switch (event.type) {
    case "human_created":
      if (event.sid !== state.human) draft.do({ do: "hang_up_human", sid: event.sid });
      return;
    case "human_status":
      if (event.status !== null && !isFinal(event.status) && event.sid !== state.human)
        draft.do({ do: "hang_up_human", sid: event.sid });
      return;
    case "human_failed":
    case "human_found":
    // Should it have been created all the same, its own callbacks will show it.
    case "human_answered":
    case "joined":
      return;
  }
}

function mayHaveBeenDone(code: Extract<HumanEvent, { type: "human_failed" }>["code"]): boolean {
  return code === "twilio_timeout" || code === "twilio_unavailable";
}

/** True when this leg is the one: the first that shows itself. Any other is hung up. */
function recognise(draft: Draft, sid: NonNullable<Draft["state"]["human"]>): boolean {
  const { phase } = draft.state;
  if (draft.state.human === null) {
    draft.state = { ...draft.state, human: sid };
    if (phase.name === "ringing") {
      draft.phase({ ...phase, pausing: false });
      watchRing(draft);
    }
  }
  if (draft.state.human === sid) return true;
  draft.do({ do: "hang_up_human", sid });
  return false;
}

function notRung(
  draft: Draft,
  event: Extract<HumanEvent, { type: "human_failed" }>,
  nowMs: number,
): void {
  const { phase, human: sid } = draft.state;
  // A callback has shown the leg already: the request was carried out.
  if (phase.name !== "ringing" || sid !== null) return;
  draft.do({ do: "step", step: "ring_failed", detail: event.code });
  if (mayHaveBeenDone(event.code)) draft.do({ do: "find_human", ring: event.ring });
  else if (event.code === "twilio_busy") ringAgain(draft, nowMs);
  else nextRung(draft, "failed", "rest", nowMs);
}

/**
 * Twilio's list does not say for whom a number is rung, and another caller may be waiting for the same desk. So a leg
 * found there is not taken for ours: if it is, its own callback, which bears our number, comes within moments.
 */
function found(
  draft: Draft,
  event: Extract<HumanEvent, { type: "human_found" }>,
  nowMs: number,
): void {
  const { phase, human: sid } = draft.state;
  if (phase.name !== "ringing" || sid !== null) return;
  if (event.exists === false) ringAgain(draft, nowMs);
  else draft.do({ do: "arm", ms: SHOW_MS });
}

function ringAgain(draft: Draft, nowMs: number): void {
  const { phase } = draft.state;
  if (phase.name !== "ringing") return;
  const tries = phase.tries + 1;
  if (tries >= RING_TRIES_MOST) {
    nextRung(draft, "failed", "rest", nowMs);
    return;
  }
  draft.phase({ name: "ringing", tries, pausing: true });
  draft.do({ do: "arm", ms: PAUSES_MS[tries] ?? 0 });
}

function legStatus(
  draft: Draft,
  event: Extract<HumanEvent, { type: "human_status" }>,
  nowMs: number,
): void {
  const { phase } = draft.state;
  const { status, source } = event;
  if (status === null) {
    // Twilio would not say. One who accepted is asked for again: the question may be older than the answer, and the caller
    // may have hung up in between. One who may not even have answered is not waited for.
    if (phase.name === "joining") draft.do({ do: "arm", ms: JOIN_MS });
    else nextRung(draft, "no_answer", "rest", nowMs);
    return;
  }
  if (isFinal(status)) {
    const outcome = legOutcome(phase.name, status);
    // Nobody to hang up.
    draft.state = { ...draft.state, human: null };
    nextRung(draft, outcome, "rest", nowMs);
    return;
  }
  if (status !== "in-progress") {
    if (source === "probe" && phase.name === "ringing") nextRung(draft, "no_answer", "rest", nowMs);
    return;
  }
  if (phase.name === "ringing") {
    draft.phase({ name: "briefing" });
    draft.do({ do: "step", step: "briefing", detail: null }, { do: "arm", ms: BRIEFING_MS });
  } else if (phase.name === "joining" && source === "probe") connected(draft);
}

function legOutcome(phase: string, status: TwilioCallStatus): TransferOutcome {
  switch (status) {
    case "busy":
      return "busy";
    case "no-answer":
      return "no_answer";
    case "completed":
      // Answered, then hung up: on the briefing that is a no.
      return phase === "ringing" ? "no_answer" : phase === "briefing" ? "declined" : "failed";
    default:
      return "failed";
  }
}

function answered(
  draft: Draft,
  event: Extract<HumanEvent, { type: "human_answered" }>,
  nowMs: number,
): void {
  const { phase } = draft.state;
  if (phase.name === "joining" || !recognise(draft, event.sid)) return;
  draft.do({ do: "step", step: event.answer === "none" ? "no_key" : event.answer, detail: null });
  switch (event.answer) {
    case "accept":
      draft.phase({ name: "joining" });
      draft.do({ do: "arm", ms: JOIN_MS }, { do: "answer", page: "join" });
      return;
    case "decline":
      nextRung(draft, "declined", "rest", nowMs);
      return;
    case "none":
      nextRung(draft, "no_answer", "rest", nowMs);
      return;
  }
}
