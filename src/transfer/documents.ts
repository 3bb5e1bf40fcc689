/**
 * The documents of a transfer: destination → TwiML. Pure; only names of the agent's directory come from a model, and
 * every text passes the serializer, so whatever is said in a reason or summary stays text.
 */
import type { AgentProfile, Destination, DialTarget } from "../domain/agent-profile.js";
import type { DialNoun, Twiml, TwimlCallback, TwimlVerb } from "../wire/twiml.js";
import { type LinkPage, linkQuery, type UrlBuilder } from "./callback-url.js";
import { phrasesFor } from "./phrases.js";
import { fitted, shortened } from "./shorten.js";
import type { FullTransferRequest, Preface } from "./transfer-request.js";

/** What a document is made from. */
export interface DocumentParts {
  readonly request: FullTransferRequest;
  readonly agent: AgentProfile;
  readonly destination: Destination;
  readonly rung: number;
  readonly doc: number;
  readonly ring: number;
  readonly url: UrlBuilder;
  /** Where the human finds the call's record, or null. */
  readonly recordUrl: string | null;
  /** What the customer database calls this case, or null. */
  readonly caseReference: string | null;
}

/** Longest wait in a queue; then the caller is taken on to the next destination or back to the agent. */
export const QUEUE_MOST_S = 1_800;
const REASON_CHARS = 300;
/** Two gathers of this length: enough to find the key, short enough for a caller who waits. */
const KEY_S = 8;
const E164 = /^\+[1-9]\d{6,14}$/;
const LEG_EVENTS = ["initiated", "answered", "completed"];
const CONFERENCE_EVENTS = ["join", "leave", "end"];

/** The caller's document on the way to a destination. */
export function rungTwiml(parts: DocumentParts): Twiml {
  const { request, agent, destination, doc } = parts;
  // From the second document on the agent has not said a word about it.
  const lead = prefaceTwiml(doc === 1 ? request.preface : "moment", agent, request.language);
  switch (destination.kind) {
    case "dial":
      return [
        ...lead,
        {
          verb: "dial",
          target: noun(destination.target, {
            url: link(parts, "/call-status", "document"),
            events: LEG_EVENTS,
          }),
          action: link(parts, "/transfer-status", "document"),
          timeoutS: destination.timeoutS,
          answerOnBridge: true,
          ...callerId(agent, request),
        },
      ];
    case "enqueue":
      return [...lead, enqueue(parts, { type: "queue", name: destination.queue })];
    case "workflow":
      return fitted(request.summary ?? "", (summary) => [
        ...lead,
        enqueue(parts, {
          type: "workflow",
          workflowSid: destination.workflowSid,
          attributes: taskAttributes(parts, summary),
          priority: destination.priority[request.urgency ?? "medium"],
          timeoutS: QUEUE_MOST_S,
        }),
      ]);
    case "warm":
      return [
        ...lead,
        {
          verb: "dial",
          action: link(parts, "/transfer-status", "document"),
          target: {
            type: "conference",
            name: conferenceName(request),
            label: CALLER_LABEL,
            // The hold sound is Twilio's own: it plays until the human starts the conference, whatever becomes of us.
            startConferenceOnEnter: false,
            endConferenceOnExit: true,
            beep: false,
            statusCallback: {
              url: link(parts, "/conference-events", "document"),
              events: CONFERENCE_EVENTS,
            },
          },
        },
      ];
  }
}

export const CALLER_LABEL = "caller";

/** Carries the number of the ring, so that an old human's coming and going is known as such. */
export function humanLabel(ring: number): string {
  return `human-${ring}`;
}

export function isHumanLabel(label: string): boolean {
  return /^human-\d+$/.test(label);
}

export function conferenceName(request: Pick<FullTransferRequest, "callSid">): string {
  return `murelay-${request.callSid}`;
}

export function prefaceTwiml(preface: Preface, agent: AgentProfile, language: string): Twiml {
  switch (preface) {
    case "none":
      return [];
    case "moment": {
      const phrases = phrasesFor(language);
      return [{ verb: "say", text: phrases.moment, language: phrases.language }];
    }
    case "apology":
      return [{ verb: "say", text: agent.apology, language: agent.language }];
  }
}

function link(parts: DocumentParts, path: string, page: LinkPage): string {
  const { request, agent, rung, doc, ring, url } = parts;
  const { callSid: call, destination: first, by } = request;
  return url(path, linkQuery({ call, agent: agent.name, first, rung, doc, ring, by, page }));
}

function noun(target: DialTarget, statusCallback: TwimlCallback): DialNoun {
  switch (target.type) {
    case "number":
      return { type: "number", e164: target.e164, statusCallback };
    case "sip":
      return { type: "sip", uri: target.uri, statusCallback };
    case "client":
      return { type: "client", identity: target.identity, statusCallback };
  }
}

/** Twilio shows the caller's own number unless told otherwise, but refuses one that is not a number. */
function callerId(agent: AgentProfile, request: FullTransferRequest): { callerId?: string } {
  const { callerId: configured } = agent.transfer;
  if (configured !== null) return { callerId: configured };
  const own = request.direction === "inbound" && E164.test(request.caller);
  return own || !E164.test(request.ours) ? {} : { callerId: request.ours };
}

function enqueue(
  parts: DocumentParts,
  target: Extract<TwimlVerb, { verb: "enqueue" }>["target"],
): TwimlVerb {
  return {
    verb: "enqueue",
    action: link(parts, "/transfer-status", "document"),
    waitUrl: link(parts, "/transfer-status", "wait"),
    target,
  };
}

function taskAttributes(parts: DocumentParts, summary: string): Readonly<Record<string, unknown>> {
  const { request, agent, recordUrl, caseReference } = parts;
  return {
    reason: request.reason === null ? null : shortened(request.reason, REASON_CHARS),
    summary,
    urgency: request.urgency ?? "medium",
    caller: request.caller,
    language: request.language,
    agent: agent.name,
    callSid: request.callSid,
    record: recordUrl,
    case: caseReference,
  };
}

/** Said to a caller in a queue, again and again. `place` null: Twilio did not tell. */
export function waitTwiml(
  place: number | null,
  waitedS: number,
  language: string,
  holdMusicUrl: string | null,
): Twiml {
  if (waitedS >= QUEUE_MOST_S) return [{ verb: "leave" }];
  const phrases = phrasesFor(language);
  return [
    {
      verb: "say",
      text: place === null ? phrases.stillHolding : phrases.position(place),
      language: phrases.language,
    },
    holdMusicUrl === null ? { verb: "pause", seconds: 10 } : { verb: "play", url: holdMusicUrl },
  ];
}

// --- warm: the human's side -------------------------------------------------------------------------------

/** Whom Twilio rings for a warm transfer, and as whom. */
export function humanParties(
  target: DialTarget,
  agent: AgentProfile,
  request: FullTransferRequest,
): { readonly to: string; readonly from: string } {
  const inTheirName =
    request.callToken != null && E164.test(request.caller) ? request.caller : null;
  const from = agent.transfer.callerId ?? inTheirName ?? request.ours;
  switch (target.type) {
    case "number":
      return { to: target.e164, from };
    case "sip":
      return { to: target.uri, from };
    case "client":
      return { to: `client:${target.identity}`, from };
  }
}

export function humanStatusUrl(parts: DocumentParts): string {
  return link(parts, "/call-status", "key");
}

/** What the human hears before they decide. In the agent's own language: it is the house's, the caller's may differ. */
export function briefingTwiml(parts: DocumentParts): Twiml {
  const { request, agent, caseReference } = parts;
  const phrases = phrasesFor(agent.language);
  const reason =
    request.reason === null ? "" : `${phrases.reason} ${shortened(request.reason, REASON_CHARS)}`;
  return fitted(request.summary ?? "", (summary) => [
    ...gathers(
      parts,
      [
        phrases.callFor(agent.name),
        request.urgency === "high" ? phrases.urgent : "",
        reason,
        summary,
        caseReference ?? "",
        phrases.press,
      ]
        .filter((part) => part !== "")
        .join(" "),
    ),
  ]);
}

/** After a key that means nothing. */
export function askAgainTwiml(parts: DocumentParts): Twiml {
  return gathers(parts, phrasesFor(parts.agent.language).press).slice(1);
}

/** Voicemail presses no key: it reaches the last verb, which says so. */
function gathers(parts: DocumentParts, text: string): TwimlVerb[] {
  const phrases = phrasesFor(parts.agent.language);
  const action = link(parts, "/transfer-status", "key");
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
    { verb: "redirect", url: link(parts, "/transfer-status", "no_key") },
  ];
}

export function joinTwiml(request: FullTransferRequest, ring: number): Twiml {
  return [
    {
      verb: "dial",
      target: {
        type: "conference",
        name: conferenceName(request),
        label: humanLabel(ring),
        startConferenceOnEnter: true,
        endConferenceOnExit: true,
        beep: false,
      },
    },
    { verb: "hangup" },
  ];
}

/** @param why  `declined`: the human said no. Otherwise there is no caller to be had. */
export function humanGoodbyeTwiml(agent: AgentProfile, why: "declined" | "too_late"): Twiml {
  const phrases = phrasesFor(agent.language);
  const text = why === "declined" ? phrases.thanks : phrases.tooLate;
  return [{ verb: "say", text, language: phrases.language }, { verb: "hangup" }];
}

// --- where there is no agent ------------------------------------------------------------------------------

export function apologyTwiml(agent: AgentProfile): Twiml {
  return [{ verb: "say", text: agent.apology, language: agent.language }, { verb: "hangup" }];
}

/**
 * For callers whose agent failed or is not to be had: an apology, then the agent's default destination, if it has one.
 * Needs nobody to look after it: a warm destination is dialled like any other.
 */
export function fallbackTwiml(
  agent: AgentProfile,
  request: Omit<FullTransferRequest, "destination" | "preface">,
  url: UrlBuilder,
): Twiml {
  const { default: name, destinations } = agent.transfer;
  const destination = name === null ? undefined : destinations.get(name);
  if (destination === undefined) return apologyTwiml(agent);
  return rungTwiml({
    request: { ...request, destination: destination.name, preface: "apology" },
    agent,
    destination: destination.kind === "warm" ? { ...destination, kind: "dial" } : destination,
    rung: 0,
    doc: 1,
    ring: 0,
    url,
    recordUrl: null,
    caseReference: null,
  });
}
