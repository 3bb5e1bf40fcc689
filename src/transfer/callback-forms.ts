/**
 * Twilio's callbacks about a transfer as events. Source: Twilio TwiML reference, `<Dial>`,
 * `<Enqueue>`, `<Gather>` and `<Conference>`. Pure.
 */
import { isFinalStatusText } from "../domain/call-status.js";
import { type CallSid, readCallSid } from "../domain/ids.js";
import { CALLER_LABEL, consultLabel } from "./conference-names.js";
import type {
  DialResult,
  ScreeningAnswer,
  TransferEvent,
  TransferState,
} from "./transfer-events.js";
import type { LinkPage, TransferLink } from "./transfer-link.js";

/** A decoded form. */
export type TransferForm = Readonly<Record<string, string>>;

/** How a document ended. `callOver`: the caller's call itself has ended. */
export interface DocumentEnd {
  readonly result: DialResult;
  readonly callOver: boolean;
}

export function callSidOf(form: TransferForm): CallSid | null {
  return readCallSid(form["CallSid"]);
}

/** Null: absent, or not a number. */
export function countOf(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : null;
}

/** The `action` of a `<Dial>`. */
export function dialEnd(form: TransferForm): DocumentEnd {
  return {
    result: dialResult(form["DialCallStatus"]),
    callOver: isFinalStatusText(form["CallStatus"]),
  };
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

/** The `action` of an `<Enqueue>`. */
export function queueEnd(form: TransferForm): DocumentEnd {
  const result = form["QueueResult"] ?? "";
  return {
    result: queueResult(result),
    callOver: result === "hangup" || isFinalStatusText(form["CallStatus"]),
  };
}

function queueResult(result: string): DialResult {
  switch (result) {
    case "bridged":
    case "bridging-in-process":
    // A worker's instruction or a supervisor took the caller to another human.
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

/** The answer of a call screening. Null: a key that means nothing here. */
export function screeningAnswer(form: TransferForm, page: LinkPage): ScreeningAnswer | null {
  if (page === "no_key") return "none";
  if (form["Digits"] === "1") return "accept";
  return form["Digits"] === "2" ? "decline" : null;
}

/** Null: the event says nothing about the transfer. */
export function conferenceEvent(
  form: TransferForm,
  state: TransferState,
  link: Pick<TransferLink, "call" | "revision">,
): TransferEvent | null {
  const label = form["ParticipantLabel"];
  const isCaller = label === CALLER_LABEL || form["CallSid"] === link.call;
  switch (form["StatusCallbackEvent"]) {
    case "participant-join":
      if (isCaller) return { type: "document_seen", revision: link.revision };
      return label === consultLabel(state.attempt)
        ? { type: "consult_joined", attempt: state.attempt }
        : null;
    case "participant-leave":
      if (!isCaller) return null;
      if (form["ReasonParticipantLeft"] === "participant_hung_up") return { type: "caller_gone" };
      return wasFetched(state, link) ? { type: "document_seen", revision: state.revision } : null;
    default:
      return null;
  }
}

/**
 * The caller left an older document because our request took them out of it, whatever Twilio
 * answered to it.
 */
function wasFetched(state: TransferState, link: Pick<TransferLink, "revision">): boolean {
  const { phase, revision } = state;
  if (link.revision >= revision) return false;
  return phase.name === "returning" || (phase.name === "redirecting" && !phase.fromStream);
}
