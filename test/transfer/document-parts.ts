import type { Destination } from "../../src/domain/agent-profile.js";
import type { CallTransferRequest } from "../../src/domain/transfer-request.js";
import { kindOf } from "../../src/transfer/destinations/kinds.js";
import type { DocumentParts } from "../../src/transfer/documents.js";
import { linkQuery } from "../../src/transfer/transfer-link.js";
import type { Twiml, TwimlVerb } from "../../src/wire/twiml.js";
import { sid } from "../fakes/call-bench.js";
import { DESTINATIONS, failoverAgent } from "./directory.js";

/** Text that would break a document which was put together from strings. */
export const MARKUP = "a < b & \"c\" </Task> 'd'\n<Dial>+19005550100</Dial> 🐒 ]]>";

export function request(changes: Partial<CallTransferRequest> = {}): CallTransferRequest {
  return {
    callSid: sid(1),
    destination: "desk",
    reason: "lost parcel",
    summary: "The parcel is lost.",
    urgency: null,
    by: "agent",
    caller: "+12025550100",
    ours: "+12025550199",
    direction: "inbound",
    language: "en",
    preface: "none",
    ...changes,
  };
}

export function destinationNamed(name: string): Destination {
  const destination = DESTINATIONS[name];
  if (destination === undefined) throw new Error(`no destination ${name}`);
  return destination;
}

/** What a document of the destination of that name is made from. */
export function parts(
  name: string,
  changes: Partial<CallTransferRequest> = {},
  more: Partial<DocumentParts> = {},
): DocumentParts {
  return {
    request: request({ destination: name, ...changes }),
    agent: failoverAgent(name),
    destination: destinationNamed(name),
    step: 0,
    revision: 1,
    attempt: 1,
    url: (path, link) => `https://relay.example.com${path}?${new URLSearchParams(linkQuery(link))}`,
    recordUrl: null,
    caseReference: null,
    ...more,
  };
}

/** The caller's document. */
export function document(made: DocumentParts): Twiml {
  return kindOf(made.destination).document(made.destination, made);
}

export function verb<V extends TwimlVerb["verb"]>(
  twiml: Twiml,
  name: V,
): Extract<TwimlVerb, { verb: V }> {
  const found = twiml.find((one): one is Extract<TwimlVerb, { verb: V }> => one.verb === name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
}

export function verbs(twiml: Twiml): string[] {
  return twiml.map((one) => one.verb);
}

export function said(twiml: Twiml): string[] {
  return twiml.flatMap((one) => (one.verb === "say" ? [one.text] : []));
}
