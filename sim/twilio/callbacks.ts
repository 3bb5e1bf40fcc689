/** Call status callbacks. */
import type { Leg } from "./leg.js";
import type { Form } from "./web.js";

export interface CallbackConfig {
  readonly url: string;
  readonly events: readonly string[];
}

export function statusForm(leg: Leg, event: string, sequence: number): Form {
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

/** Of TwiML nouns and REST requests alike; no URL = none. Twilio's default is `completed` alone. */
export function callbackConfig(
  url: string | undefined,
  events: readonly string[] | undefined,
): CallbackConfig | null {
  if (url === undefined || url === "") return null;
  return { url, events: events === undefined || events.length === 0 ? ["completed"] : events };
}
