/**
 * Twilio's callbacks about a transfer → events. Source: Twilio TwiML reference, `<Dial>`, `<Enqueue>` and `<Conference>`.
 */

import type { TwilioCallStatus } from "../domain/call-status.js";
import type { CallSid } from "../domain/ids.js";
import { isCallSid, type LinkPage, type TransferLink } from "./callback-url.js";
import { CALLER_LABEL, humanLabel } from "./documents.js";
import { isFinal } from "./steps.js";
import type { DialResult, TransferEvent, TransferState } from "./transfer-events.js";

/** A decoded form or query. */
export type TransferForm = Readonly<Record<string, string>>;

const STATUSES: readonly TwilioCallStatus[] = [
  "queued",
  "initiated",
  "ringing",
  "in-progress",
  "completed",
  "busy",
  "failed",
  "no-answer",
  "canceled",
];

/** Null: a status that this version does not know. */
export function statusOf(form: TransferForm): TwilioCallStatus | null {
  return STATUSES.find((status) => status === form["CallStatus"]) ?? null;
}

export function callSidOf(form: TransferForm): CallSid | null {
  const sid = form["CallSid"] ?? "";
  return isCallSid(sid) ? sid : null;
}

export function count(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : null;
}

export function documentEnded(
  form: TransferForm,
  doc: number,
): Extract<TransferEvent, { type: "document_ended" }> {
  const queue = form["QueueResult"];
  const status = statusOf(form);
  const callOver = queue === "hangup" || (status !== null && isFinal(status));
  const result = queue === undefined ? dialResult(form["DialCallStatus"]) : queueResult(queue);
  return { type: "document_ended", doc, result, callOver };
}

function dialResult(status: string | undefined): DialResult {
  switch (status) {
    case "completed":
    case "answered":
      return "answered";
    case "busy":
      return "busy";
    case "no-answer":
      return "no_answer";
    default:
      return "failed";
  }
}

function queueResult(result: string): DialResult {
  switch (result) {
    case "bridged":
    case "bridging-in-process":
    // A worker's instruction or a supervisor moved the caller to somebody.
    case "redirected":
    case "redirected-from-bridged":
      return "answered";
    case "leave":
    case "hangup":
      return "no_answer";
    case "queue-full":
      return "busy";
    default:
      return "failed";
  }
}

/** Null: a key that means nothing here. */
export function keyAnswer(
  form: TransferForm,
  page: LinkPage,
): "accept" | "decline" | "none" | null {
  if (page === "no_key") return "none";
  if (form["Digits"] === "1") return "accept";
  return form["Digits"] === "2" ? "decline" : null;
}

export function conferenceEvent(
  form: TransferForm,
  state: TransferState,
  link: Pick<TransferLink, "call" | "doc">,
): TransferEvent | null {
  const label = form["ParticipantLabel"];
  const isCaller = label === CALLER_LABEL || form["CallSid"] === link.call;
  switch (form["StatusCallbackEvent"]) {
    case "participant-join":
      if (isCaller) return { type: "document_seen", doc: link.doc };
      return label === humanLabel(state.ring) ? { type: "joined", ring: state.ring } : null;
    case "participant-leave":
      if (!isCaller) return null;
      if (form["ReasonParticipantLeft"] === "participant_hung_up") return { type: "caller_gone" };
      // Fetched away by our own request, whatever became of its answer.
      return state.phase.name === "moving" && !state.phase.fromStream && link.doc < state.doc
        ? { type: "document_seen", doc: state.doc }
        : null;
    default:
      return null;
  }
}
