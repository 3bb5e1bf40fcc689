import { addressOf, numberOf, sameAddress } from "../../domain/address.js";
import type { AgentProfile, Destination } from "../../domain/agent-profile.js";
import type { CallTransferRequest } from "../../domain/transfer-request.js";
import type { Twiml, TwimlVerb } from "../../wire/twiml.js";
import { dialEnd } from "../callback-forms.js";
import { CALLER_LABEL, conferenceName, consultLabel } from "../conference-names.js";
import { callbackUrl, type DocumentParts, isOwnNumber, leadIn, shortReason } from "../documents.js";
import { phrasesFor } from "../phrases.js";
import { fitted } from "../shorten.js";
import { type ConsultCall, destinationKind, required } from "./destination-kind.js";
import {
  DEFAULT_MAX_PER_HOUR,
  DEFAULT_TIMEOUT_S,
  SEND_DIGITS,
  sendDigitsProblems,
  TIMEOUT_S,
} from "./entry-fields.js";

type WarmDestination = Extract<Destination, { kind: "warm" }>;

/** Two gathers of this length: enough to find the key, short enough for a caller who waits. */
const KEY_S = 8;
const CONFERENCE_EVENTS = ["join", "leave", "end"];

/**
 * The caller waits in a conference while a consult leg calls the human, who hears a whisper and
 * accepts or declines by a key. Only then are the two joined.
 */
export const warm = destinationKind<WarmDestination>()({
  kind: "warm",
  key: "warm",
  fields: {
    warm: {
      type: "target",
      description: "Called while the caller waits; connected once a person has accepted",
    },
    timeout_s: TIMEOUT_S,
    send_digits: SEND_DIGITS,
  },
  defaultMaxPerHour: DEFAULT_MAX_PER_HOUR,
  read: (base, entry) => ({
    ...base,
    kind: "warm",
    target: required(entry.warm, "warm"),
    timeoutS: entry.timeout_s ?? DEFAULT_TIMEOUT_S,
    ...(entry.send_digits === undefined ? {} : { sendDigits: entry.send_digits }),
  }),
  problems: (entry) => sendDigitsProblems(entry.warm, entry.send_digits),
  namesCase: true,
  reaches: ({ target }) => addressOf(target),
  answerTimeS: ({ timeoutS }) => timeoutS,
  document: (_destination, parts) => [
    ...leadIn(parts),
    {
      verb: "dial",
      action: callbackUrl(parts, "/transfer-status", "document"),
      target: {
        type: "conference",
        name: conferenceName(parts.request),
        label: CALLER_LABEL,
        // The hold music is Twilio's own: it plays until the human starts the conference, whatever
        // becomes of us.
        startConferenceOnEnter: false,
        endConferenceOnExit: true,
        beep: false,
        statusCallback: {
          url: callbackUrl(parts, "/conference-events", "document"),
          events: CONFERENCE_EVENTS,
        },
      },
    },
  ],
  end: dialEnd,
  consult: {
    timeoutS: ({ timeoutS }) => timeoutS,
    call: ({ target, timeoutS, sendDigits }, parts) => ({
      to: addressOf(target),
      ...shownNumber(parts.agent, parts.request),
      statusCallback: callbackUrl(parts, "/call-status", "key"),
      timeoutS,
      ...(sendDigits === undefined ? {} : { sendDigits }),
    }),
    whisper: whisperTwiml,
  },
});

/** Twilio allows the caller's number only with the token that it gave for their call. */
function shownNumber(
  agent: AgentProfile,
  { caller, ours, callToken = null }: CallTransferRequest,
): Pick<ConsultCall, "from" | "callToken"> {
  const { callerId } = agent.transfer;
  const mayShowCaller = callToken !== null && isOwnNumber(caller);
  const from = callerId ?? (mayShowCaller ? caller : (numberOf(ours) ?? ours));
  return mayShowCaller && sameAddress(from, caller) ? { from, callToken } : { from };
}

/** The same call with our number instead of the caller's; null: it has ours already. */
export function withOurNumber(
  call: ConsultCall,
  { caller, ours }: CallTransferRequest,
): ConsultCall | null {
  if (!sameAddress(call.from, caller) || sameAddress(caller, ours)) return null;
  const { callToken: _, ...rest } = call;
  return { ...rest, from: numberOf(ours) ?? ours };
}

// --- what the human hears -----------------------------------------------------------------------

/**
 * Announces the caller and asks for a key. It is spoken in the agent's own language: that of the
 * company, while the caller's may be another.
 */
export function whisperTwiml(parts: DocumentParts): Twiml {
  const { request, agent, caseReference } = parts;
  const phrases = phrasesFor(agent.language);
  const reason = shortReason(request);
  return fitted(request.summary ?? "", (summary) =>
    gathers(
      parts,
      [
        phrases.callFor(agent.name),
        request.urgency === "high" ? phrases.urgent : "",
        reason === null ? "" : `${phrases.reason} ${reason}`,
        summary,
        caseReference ?? "",
        phrases.press,
      ]
        .filter((part) => part !== "")
        .map(asSentence)
        .join(" "),
    ),
  );
}

/** What is spoken next would run on without a stop. */
function asSentence(text: string): string {
  return /[.!?…。！？]["”»)]?\s*$/u.test(text) ? text : `${text}.`;
}

/** After a key that means nothing. */
export function askAgainTwiml(parts: DocumentParts): Twiml {
  return gathers(parts, phrasesFor(parts.agent.language).press).slice(1);
}

/** Voicemail presses no key: it reaches the last verb, which says so. */
function gathers(parts: DocumentParts, text: string): TwimlVerb[] {
  const phrases = phrasesFor(parts.agent.language);
  const action = callbackUrl(parts, "/transfer-status", "key");
  const ask = (prompt: string): TwimlVerb => ({
    verb: "gather",
    action,
    numDigits: 1,
    timeoutS: KEY_S,
    prompts: [{ text: prompt, language: phrases.language }],
  });
  return [
    ask(text),
    ask(phrases.press),
    { verb: "redirect", url: callbackUrl(parts, "/transfer-status", "no_key") },
  ];
}

export function joinTwiml(request: CallTransferRequest, attempt: number): Twiml {
  return [
    {
      verb: "dial",
      target: {
        type: "conference",
        name: conferenceName(request),
        label: consultLabel(attempt),
        startConferenceOnEnter: true,
        endConferenceOnExit: true,
        beep: false,
      },
    },
    { verb: "hangup" },
  ];
}

/** @param why  `declined`: the human said no. `too_late`: there is no caller for them. */
export function consultGoodbyeTwiml(agent: AgentProfile, why: "declined" | "too_late"): Twiml {
  const phrases = phrasesFor(agent.language);
  const text = why === "declined" ? phrases.thanks : phrases.tooLate;
  return [{ verb: "say", text, language: phrases.language }, { verb: "hangup" }];
}
