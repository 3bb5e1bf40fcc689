/** The parameters of a call status callback. */
import type { CallLeg } from "./call-leg.js";
import type { Form } from "./web.js";

export function statusForm(leg: CallLeg, event: string, sequence: number): Form {
  const status = event === "answered" ? "in-progress" : event === "completed" ? leg.status : event;
  return {
    CallStatus: status,
    Timestamp: new Date().toUTCString().replace("GMT", "+0000"),
    CallbackSource: "call-progress-events",
    SequenceNumber: String(sequence),
    ...(event === "completed"
      ? {
          CallDuration: String(leg.durationS),
          Duration: String(Math.ceil(leg.durationS / 60)),
          SipResponseCode:
            leg.status === "busy" ? "486" : leg.status === "no-answer" ? "487" : "200",
        }
      : {}),
  };
}
