import type { CallSid } from "../../domain/ids.js";
import type { Form } from "../calls/callback-link.js";
import { CUSTOMER_LABEL } from "./conference-twiml.js";
import { MODEL_LABEL } from "./model-legs.js";

export interface ParticipantNews {
  readonly who: "caller" | "model";
  /** False: they left. */
  readonly joined: boolean;
  /** They left by hanging up. False when Twilio removed them from the conference. */
  readonly hungUp: boolean;
}

/**
 * Who joined or left a conference. Source: Twilio's conference status callbacks.
 *
 * @param callSid  the caller's call: TwiML does not label its participant.
 * @returns        null: the callback is about something else, or about another participant.
 */
export function participantNews(form: Form, callSid: CallSid): ParticipantNews | null {
  const event = form["StatusCallbackEvent"];
  if (event !== "participant-join" && event !== "participant-leave") return null;
  const label = form["ParticipantLabel"];
  const isCaller = label === CUSTOMER_LABEL || form["CallSid"] === callSid;
  if (!isCaller && label !== MODEL_LABEL) return null;
  return {
    who: isCaller ? "caller" : "model",
    joined: event === "participant-join",
    hungUp: form["ReasonParticipantLeft"] === "participant_hung_up",
  };
}
