/**
 * What a transfer does next, decided without touching anything: `step` takes a state, what happened and the time, and
 * gives the next state and effects as data. `transfer.ts` carries them out.
 *
 * ```
 *              ┌────────────── next rung ──────────────┐
 *              ↓                                       │
 * farewell → moving → dialing ───────────────→ answered, or the rung failed ──→ returning → over
 *                  ↘ ringing → briefing → joining ↗            (back to the agent, or an apology)
 * ```
 *
 * Twilio repeats callbacks, sends them out of order and may carry out a request whose answer is lost. So every
 * document and every human's leg has a number; whatever bears an old one changes nothing, and any sign that the
 * caller is in the current document counts as the answer to the request that took them there.
 */

import type { TwilioCallStatus } from "../domain/call-status.js";
import { assertNever } from "../domain/errors.js";
import { human } from "./consult-leg.js";
import {
  connected,
  Draft,
  enter,
  FOLLOW_MS,
  finish,
  GRACE_MS,
  isFinal,
  JOIN_MS,
  MOVE_MS,
  nextRung,
  PAUSES_MS,
  SHOW_MS,
  settleReturn,
  startMoving,
  TRIES_MOST,
  watchRing,
} from "./steps.js";
import type {
  MoveWait,
  Page,
  TransferEvent,
  TransferState,
  TransferStep,
} from "./transfer-events.js";

export function step(state: TransferState, event: TransferEvent, nowMs: number): TransferStep {
  const draft = new Draft(state);
  decide(draft, event, nowMs);
  const answer = owedAnswer(draft.state, event);
  if (answer !== null && !draft.effects.some((effect) => effect.do === "answer"))
    draft.do({ do: "answer", page: answer });
  return { state: draft.state, effects: draft.effects };
}

function decide(draft: Draft, event: TransferEvent, nowMs: number): void {
  switch (event.type) {
    case "farewell_heard":
      if (draft.state.phase.name === "farewell") begin(draft, nowMs);
      return;
    case "stream_followed":
      streamFollowed(draft);
      return;
    case "redirected":
      if (event.doc !== draft.state.doc) return;
      if (draft.state.phase.name === "moving") enter(draft);
      else settleReturn(draft);
      return;
    case "redirect_failed":
      if (event.doc === draft.state.doc) redirectFailed(draft, event, nowMs);
      return;
    case "probed":
      if (event.doc === draft.state.doc) probed(draft, event, nowMs);
      return;
    case "document_seen":
    case "child_status":
    case "document_ended":
      inDocument(draft, event);
      return;
    case "human_created":
    case "human_failed":
    case "human_found":
    case "human_status":
    case "human_answered":
    case "joined":
      human(draft, event, nowMs);
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

function begin(draft: Draft, nowMs: number): void {
  const { stays } = draft.state;
  if (stays && draft.destination.kind === "warm") enter(draft);
  else startMoving(draft, !stays, nowMs);
}

/** What a request is answered with when the decision did not say: the situation as it is. */
function owedAnswer(state: TransferState, event: TransferEvent): Page | null {
  if (event.type === "human_answered") {
    const theirs =
      event.answer === "accept" && event.ring === state.ring && event.sid === state.human;
    const { phase } = state;
    const accepted =
      phase.name === "joining" || (phase.name === "over" && phase.outcome === "answered");
    return theirs && accepted ? "join" : "too_late";
  }
  if (event.type !== "document_ended" && event.type !== "stream_followed") return null;
  const { phase } = state;
  if (phase.name !== "returning" && phase.name !== "over") return "rung";
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

function streamFollowed(draft: Draft): void {
  const { phase } = draft.state;
  // In the farewell: its stream broke. The answer takes the caller on, no request is needed.
  if (phase.name !== "farewell" && phase.name !== "moving") return;
  draft.do({ do: "answer", page: "rung" });
  enter(draft);
}

// --- the caller's own move --------------------------------------------------------------------------------

type RedirectFailed = Extract<TransferEvent, { type: "redirect_failed" }>;

function redirectFailed(draft: Draft, { code, onStream }: RedirectFailed, nowMs: number): void {
  const { phase } = draft.state;
  if (phase.name !== "moving" && phase.name !== "returning") return;
  if (code === "caller_gone") {
    // A stream that comes up meanwhile is the better witness.
    if (phase.name === "returning" && onStream) settleReturn(draft);
    else callerGone(draft);
    return;
  }
  if (phase.waits !== "request") return;
  draft.do({ do: "step", step: "redirect_failed", detail: code });
  if (arrived(draft, onStream)) return;
  switch (code) {
    case "twilio_busy":
      // Not processed: trying again cannot do it twice.
      pause(draft, "again", nowMs);
      return;
    case "twilio_timeout":
    case "twilio_unavailable":
      if (phase.name === "moving" && phase.fromStream) {
        wait(draft, "probe");
        draft.do({ do: "probe" });
        return;
      }
      // No stream to see it by, but the caller hears music: wait for the callbacks of a request that was carried out.
      draft.phase({ ...phase, waits: "look", tries: phase.tries + 1 });
      draft.do({ do: "arm", ms: SHOW_MS });
      return;
    default:
      refused(draft, nowMs);
  }
}

/** Twilio will never take this request. */
function refused(draft: Draft, nowMs: number): void {
  const { phase } = draft.state;
  if (phase.name === "moving" && phase.fromStream) closeStream(draft);
  else if (phase.name === "moving") nextRung(draft, "failed", "rest", nowMs);
  else pause(draft, "again", nowMs);
}

/** The stream is known to have ended for another reason: that it is gone proves nothing. */
const AFTER_STREAM: ReadonlySet<MoveWait> = new Set(["asked", "taken_up"]);

/** True when the stream shows that the request was carried out, whatever became of its answer. */
function arrived(draft: Draft, onStream: boolean): boolean {
  const { phase } = draft.state;
  if (phase.name === "moving" && phase.fromStream && !AFTER_STREAM.has(phase.waits) && !onStream) {
    enter(draft);
    return true;
  }
  if (phase.name === "returning" && phase.next === "back_to_agent" && onStream) {
    settleReturn(draft);
    return true;
  }
  return false;
}

type Probed = Extract<TransferEvent, { type: "probed" }>;

function probed(draft: Draft, { status, onStream }: Probed, nowMs: number): void {
  const { phase } = draft.state;
  if (phase.name !== "moving" && phase.name !== "returning") return;
  if (status !== null && isFinal(status)) {
    callerGone(draft);
    return;
  }
  if (arrived(draft, onStream)) return;
  if (phase.waits !== "probe") return;
  pause(draft, status === null ? "look" : "again", nowMs);
}

function pause(draft: Draft, then: "again" | "look", nowMs: number): void {
  const { phase } = draft.state;
  if (phase.name !== "moving" && phase.name !== "returning") return;
  const ms = PAUSES_MS[Math.min(phase.tries, PAUSES_MS.length - 1)] ?? 0;
  if (phase.name === "moving" && phase.fromStream) {
    if (nowMs + ms > phase.sinceMs + MOVE_MS) {
      closeStream(draft);
      return;
    }
  } else if (phase.tries + 1 >= TRIES_MOST) {
    if (phase.name === "moving") nextRung(draft, "failed", "rest", nowMs);
    else lost(draft);
    return;
  }
  draft.phase({ ...phase, waits: then, tries: phase.tries + 1 });
  draft.do({ do: "arm", ms });
}

function wait(draft: Draft, waits: "request" | "probe"): void {
  const { phase } = draft.state;
  if (phase.name === "moving" || phase.name === "returning") draft.phase({ ...phase, waits });
}

/** Twilio takes no commands, but it asks what follows a stream: the answer is as good as a command. */
function closeStream(draft: Draft): void {
  const { phase } = draft.state;
  if (phase.name !== "moving") return;
  draft.phase({ ...phase, waits: "asked" });
  draft.do(
    { do: "step", step: "stream_closed", detail: null },
    { do: "arm", ms: FOLLOW_MS },
    { do: "close_stream" },
  );
}

function lost(draft: Draft): void {
  const { phase } = draft.state;
  if (phase.name !== "returning") return;
  settleReturn(draft);
  draft.do({ do: "lost" });
}

// --- the caller's document --------------------------------------------------------------------------------

type InDocument = Extract<
  TransferEvent,
  { type: "document_seen" | "child_status" | "document_ended" }
>;

function inDocument(draft: Draft, event: InDocument): void {
  if (event.doc !== draft.state.doc) return;
  if (draft.state.phase.name === "moving") enter(draft);
  if (event.type === "child_status") childStatus(draft, event.status);
  if (event.type === "document_ended") documentEnded(draft, event);
}

function childStatus(draft: Draft, status: TwilioCallStatus): void {
  // `completed` is said only of legs that were answered; the others end as busy, no-answer, failed or canceled.
  if (draft.state.phase.name === "dialing" && (status === "in-progress" || status === "completed"))
    connected(draft);
}

type DocumentEnded = Extract<TransferEvent, { type: "document_ended" }>;

function documentEnded(draft: Draft, { result, callOver }: DocumentEnded): void {
  const { phase } = draft.state;
  switch (phase.name) {
    case "dialing":
      if (result === "answered") connected(draft);
      else if (callOver || phase.gone) callerGone(draft, true);
      else nextRung(draft, result, "answer", 0);
      return;
    case "ringing":
    case "briefing":
      if (callOver) callerGone(draft);
      else nextRung(draft, "failed", "answer", 0);
      return;
    case "joining":
      // Caller and human met, or the conference would not have ended; the news of it comes late.
      if (callOver) callerGone(draft);
      else connected(draft);
      return;
    case "farewell":
    case "moving":
    case "returning":
    case "over":
      return;
  }
}

function callerGone(draft: Draft, certain = false): void {
  const { phase } = draft.state;
  if (phase.name === "over") return;
  if (phase.name === "returning") {
    lost(draft);
    return;
  }
  if (phase.name === "dialing" && !certain) {
    if (phase.gone) return;
    draft.phase({ ...phase, gone: true });
    draft.do({ do: "arm", ms: GRACE_MS });
    return;
  }
  finish(draft, "caller_gone", "gone");
}

// --- time -------------------------------------------------------------------------------------------------

function timer(draft: Draft, onStream: boolean, nowMs: number): void {
  const { phase } = draft.state;
  switch (phase.name) {
    case "moving":
    case "returning":
      moveTimer(draft, onStream);
      return;
    case "dialing":
      if (phase.gone) callerGone(draft, true);
      return;
    case "ringing":
      if (phase.pausing) {
        draft.phase({ ...phase, pausing: false });
        watchRing(draft);
        draft.do({ do: "ring_human" });
      } else if (draft.state.human !== null)
        draft.do({ do: "probe_human", sid: draft.state.human });
      else nextRung(draft, "failed", "rest", nowMs);
      return;
    case "briefing":
      nextRung(draft, "no_answer", "rest", nowMs);
      return;
    case "joining":
      if (draft.state.human !== null) draft.do({ do: "probe_human", sid: draft.state.human });
      return;
    case "farewell":
    case "over":
      return;
  }
}

function moveTimer(draft: Draft, onStream: boolean): void {
  const { phase } = draft.state;
  if (phase.name !== "moving" && phase.name !== "returning") return;
  if (arrived(draft, onStream)) return;
  switch (phase.waits) {
    case "again":
      wait(draft, "request");
      draft.redirect();
      return;
    case "look":
      wait(draft, "probe");
      draft.do({ do: "probe" });
      return;
    case "request":
    case "probe":
      // A request that hangs: the caller cannot wait for it.
      if (phase.name === "moving" && phase.fromStream) closeStream(draft);
      return;
    case "asked":
      // Twilio did not ask. The stream is gone, so from here on the caller is moved like one who is elsewhere.
      if (phase.name === "moving") draft.phase({ ...phase, fromStream: false, waits: "probe" });
      draft.do({ do: "probe" });
      return;
    case "taken_up":
      // Had the caller been left with nothing, Twilio would have asked by now.
      enter(draft);
      return;
  }
}

/** Taken up by another process: whatever was under way may or may not have been done. */
function resumed(draft: Draft): void {
  const { phase, human: sid, ring } = draft.state;
  switch (phase.name) {
    case "moving":
      draft.phase({ ...phase, waits: phase.fromStream ? "taken_up" : "look" });
      draft.do({ do: "arm", ms: phase.fromStream ? FOLLOW_MS : GRACE_MS });
      return;
    case "returning":
      wait(draft, "probe");
      draft.do({ do: "probe" });
      return;
    case "dialing":
      if (phase.gone) draft.do({ do: "arm", ms: GRACE_MS });
      return;
    case "ringing":
    case "briefing":
      draft.do(sid === null ? { do: "find_human", ring } : { do: "probe_human", sid });
      return;
    case "joining":
      draft.do({ do: "arm", ms: JOIN_MS });
      return;
    case "farewell":
      // Its stream died with the process that held it: Twilio asks what follows, and is answered.
      return;
    case "over":
      return;
  }
}

/** A ladder's state before anything has happened. */
export function beginTransfer(
  ladder: TransferState["ladder"],
  bottom: TransferState["bottom"],
  stays = false,
): TransferState {
  return {
    ladder,
    stays,
    rung: 0,
    doc: 1,
    ring: 0,
    human: null,
    bottom,
    phase: { name: "farewell" },
  };
}
