import { addressOf } from "../../domain/address.js";
import type { Destination, DialTarget } from "../../domain/agent-profile.js";
import type { DialNoun, TwimlCallback } from "../../wire/twiml.js";
import { dialEnd } from "../callback-forms.js";
import { callbackUrl, dialCallerId, leadIn } from "../documents.js";
import { destinationKind, required } from "./destination-kind.js";
import {
  DEFAULT_MAX_PER_HOUR,
  DEFAULT_TIMEOUT_S,
  SEND_DIGITS,
  sendDigitsProblems,
  TIMEOUT_S,
} from "./entry-fields.js";

type DialDestination = Extract<Destination, { kind: "dial" }>;

const LEG_EVENTS = ["initiated", "answered", "completed"];

/** A number, SIP address or client that is connected at once. The caller hears it ring. */
export const dial = destinationKind<DialDestination>()({
  kind: "dial",
  key: "dial",
  fields: {
    dial: { type: "target", description: "E.164 number, sip:user@host or client:name" },
    timeout_s: TIMEOUT_S,
    send_digits: SEND_DIGITS,
  },
  defaultMaxPerHour: DEFAULT_MAX_PER_HOUR,
  read: (base, entry) => ({
    ...base,
    kind: "dial",
    target: required(entry.dial, "dial"),
    timeoutS: entry.timeout_s ?? DEFAULT_TIMEOUT_S,
    ...(entry.send_digits === undefined ? {} : { sendDigits: entry.send_digits }),
  }),
  problems: (entry) => sendDigitsProblems(entry.dial, entry.send_digits),
  namesCase: false,
  reaches: ({ target }) => addressOf(target),
  answerTimeS: ({ timeoutS }) => timeoutS,
  document: ({ target, timeoutS, sendDigits }, parts) => [
    ...leadIn(parts),
    {
      verb: "dial",
      target: noun(target, sendDigits, {
        url: callbackUrl(parts, "/call-status", "document"),
        events: LEG_EVENTS,
      }),
      action: callbackUrl(parts, "/transfer-status", "document"),
      timeoutS,
      answerOnBridge: true,
      ...dialCallerId(parts.agent, parts.request),
    },
  ],
  end: dialEnd,
  consult: null,
});

function noun(
  target: DialTarget,
  sendDigits: string | undefined,
  statusCallback: TwimlCallback,
): DialNoun {
  switch (target.type) {
    case "number":
      return {
        type: "number",
        e164: target.e164,
        ...(sendDigits === undefined ? {} : { sendDigits }),
        statusCallback,
      };
    case "sip":
      return { type: "sip", uri: target.uri, statusCallback };
    case "client":
      return { type: "client", identity: target.identity, statusCallback };
  }
}
