/** Decisions about the document that the caller is in, from what Twilio reports of it. Pure. */
import { isFinalStatus, type TwilioCallStatus } from "../domain/call-status.js";
import {
  callerGone,
  connected,
  type Draft,
  enter,
  finish,
  nextStep,
  settleReturn,
} from "./draft.js";
import { MAX_PROBES, PROBE_AGAIN_MS } from "./timings.js";
import type { TransferEvent } from "./transfer-events.js";

type EventOf<Type extends TransferEvent["type"]> = Extract<TransferEvent, { type: Type }>;
type DocumentEvent = EventOf<"document_seen" | "child_status" | "document_ended">;

/**
 * Any news from the current document shows that the caller is in it, whatever Twilio answered to
 * the request.
 */
export function inDocument(draft: Draft, event: DocumentEvent): void {
  if (event.revision !== draft.state.revision) return;
  const { name } = draft.state.phase;
  if (name === "redirecting") enter(draft);
  if (name === "returning") settleReturn(draft);
  if (event.type === "child_status") childStatus(draft, event.status);
  if (event.type === "document_ended") documentEnded(draft, event);
}

function childStatus(draft: Draft, status: TwilioCallStatus): void {
  // Only legs that were answered end as "completed"; the others as busy, no-answer, failed or
  // canceled.
  if (draft.state.phase.name === "dialing" && (status === "in-progress" || status === "completed"))
    connected(draft);
}

function documentEnded(draft: Draft, { result, callOver }: EventOf<"document_ended">): void {
  const { phase } = draft.state;
  switch (phase.name) {
    case "dialing":
      if (result === "answered") connected(draft);
      else if (callOver || phase.callerGone) callerGone(draft, true);
      else nextStep(draft, result, "answer", 0);
      return;
    case "ringing":
    case "screening":
      if (callOver) callerGone(draft);
      else nextStep(draft, "failed", "answer", 0);
      return;
    case "joining":
      // Caller and human met, or the conference would not have ended; the news of it comes late.
      if (callOver) callerGone(draft);
      else connected(draft);
      return;
    case "farewell":
    case "redirecting":
    case "returning":
    case "over":
      return;
  }
}

/**
 * The caller hung up and no better news came, or the destination neither answered nor failed in
 * time.
 */
export function dialingTimer(draft: Draft): void {
  const { phase } = draft.state;
  if (phase.name !== "dialing") return;
  if (phase.callerGone) {
    callerGone(draft, true);
    return;
  }
  draft.phase({ ...phase, probing: true });
  draft.do({ do: "probe" });
}

/**
 * Twilio was asked for the caller's call, because it told nothing about its document. A call that
 * is still in progress after the time in which Twilio ends the ringing by itself is a conversation.
 */
export function dialingProbed(draft: Draft, { status }: EventOf<"probed">): void {
  const { phase } = draft.state;
  // Not asked by this phase: an answer from the way into the document.
  if (phase.name !== "dialing" || !phase.probing) return;
  if (status === null) {
    if (phase.probes + 1 >= MAX_PROBES) {
      finish(draft, "failed", "gone");
      return;
    }
    draft.phase({ ...phase, probing: false, probes: phase.probes + 1 });
    draft.arm(PROBE_AGAIN_MS);
  } else if (isFinalStatus(status)) callerGone(draft, true);
  else connected(draft);
}
