/**
 * What the documents of all destination kinds share. Only names of the agent's directory come from
 * a model, and every text passes the serializer, so whatever is said in a reason or summary stays
 * text. Pure.
 */
import { isE164, numberOf, readAddress } from "../domain/address.js";
import type { AgentProfile, Destination } from "../domain/agent-profile.js";
import { shortened } from "../domain/shortened.js";
import type { CallTransferRequest, Preface } from "../domain/transfer-request.js";
import type { Twiml } from "../wire/twiml.js";
import { phrasesFor } from "./phrases.js";
import type { LinkPage, TransferPath, TransferUrl } from "./transfer-link.js";

/** What a document is made from. */
export interface DocumentParts {
  readonly request: CallTransferRequest;
  readonly agent: AgentProfile;
  readonly destination: Destination;
  readonly step: number;
  readonly revision: number;
  readonly attempt: number;
  readonly url: TransferUrl;
  /** Where the human finds the call's record, or null. */
  readonly recordUrl: string | null;
  /** What the CRM calls this case, or null. */
  readonly caseReference: string | null;
}

/** Of a reason where it is shown or spoken beside a summary. */
export const REASON_CHARS = 300;

/**
 * The words before a document connects. From the second destination on the agent has not said
 * anything about it.
 */
export function leadIn({ request, agent, step }: DocumentParts): Twiml {
  return prefaceTwiml(step === 0 ? request.preface : "moment", agent, request.language);
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

/** A URL that brings Twilio's callback back to the document's place in the transfer. */
export function callbackUrl(parts: DocumentParts, path: TransferPath, page: LinkPage): string {
  const { request, agent, step, revision, attempt, url } = parts;
  const { callSid: call, destination: first, by } = request;
  return url(path, { call, agent: agent.name, first, step, revision, attempt, by, page });
}

/**
 * The `callerId` of a `<Dial>`. Left out, Twilio shows the caller's own number, but it refuses a
 * caller who has none (error 13214): those with SIP and client addresses, and those who withhold
 * it.
 */
export function dialCallerId(
  agent: AgentProfile,
  request: CallTransferRequest,
): { readonly callerId?: string } {
  const { callerId: configured } = agent.transfer;
  if (configured !== null) return { callerId: configured };
  if (request.direction === "inbound" && isOwnNumber(request.caller)) return {};
  const ours = numberOf(request.ours);
  return ours === null ? {} : { callerId: ours };
}

/** The caller's number, as Twilio wrote it, is one that can be shown to others. */
export function isOwnNumber(caller: string): boolean {
  return isE164(caller) && readAddress(caller).type === "number";
}

export function shortReason(request: CallTransferRequest): string | null {
  return request.reason === null ? null : shortened(request.reason, REASON_CHARS);
}

/** There is no agent and no human for the caller. */
export function apologyTwiml(agent: AgentProfile): Twiml {
  return [{ verb: "say", text: agent.apology, language: agent.language }, { verb: "hangup" }];
}
