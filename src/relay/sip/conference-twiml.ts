import type { CallSid } from "../../domain/ids.js";
import { conferenceName } from "../../transfer/conference-names.js";
import type { Twiml } from "../../wire/twiml.js";
import type { CallContext } from "../call/call-path.js";
import { callbackUrl } from "../calls/callback-link.js";

/** The caller's label in their conference. */
export const CUSTOMER_LABEL = "customer";
const CONFERENCE_EVENTS = ["start", "end", "join", "leave"];

/** The URL to which Twilio reports who joins and leaves. */
export function conferenceCallback(publicUrl: string, call: CallSid): string {
  return callbackUrl(publicUrl, "/conference-events", { kind: "conference", call });
}

/**
 * Puts the caller into a conference of their own, to which the model is added.
 *
 * @param announcement  `<Say>` before it, or null.
 */
export function conferenceTwiml(
  { agent, parties }: Pick<CallContext, "agent" | "parties">,
  publicUrl: string,
  announcement: string | null,
): Twiml {
  const link = { kind: "conference", call: parties.callSid } as const;
  return [
    ...(announcement === null
      ? []
      : [{ verb: "say" as const, text: announcement, language: agent.language }]),
    {
      verb: "dial",
      action: callbackUrl(publicUrl, "/transfer-status", link),
      target: {
        type: "conference",
        name: conferenceName(parties),
        label: CUSTOMER_LABEL,
        // The model's arrival starts the conference. Until then the caller hears Twilio's hold
        // music instead of silence.
        startConferenceOnEnter: false,
        endConferenceOnExit: true,
        beep: false,
        statusCallback: {
          url: conferenceCallback(publicUrl, parties.callSid),
          events: CONFERENCE_EVENTS,
        },
      },
    },
  ];
}
