/** A leg whose other end is the simulated model's SIP address. */
import { readSipUri, type SipCallee, type SipCarrier, type SipEndpoint } from "../sip/endpoints.js";
import type { CallLeg, RingOutcome } from "./call-leg.js";
import type { TwilioContext } from "./context.js";
import type { Party } from "./party.js";

const MODEL_HOST = "sip.api.openai.com";
/** Limits that are known to pass; no source states them. */
const MAX_URI_CHARACTERS = 255;
const MAX_HEADER_CHARACTERS = 1024;

/** The model's end, when the address is the model's and there is one. */
export function sipEndOf(twilio: TwilioContext, to: string): SipEndpoint | null {
  return readSipUri(to)?.host === MODEL_HOST ? twilio.sip : null;
}

/** The party at an address. The model answers by itself, so there is none. */
export function partyAt(twilio: TwilioContext, to: string, from: string): Party {
  return sipEndOf(twilio, to) === null ? twilio.callees(to, from) : {};
}

/** What is wrong with a SIP URI to dial, or null. */
export function sipUriFault(text: string): string | null {
  const read = readSipUri(text);
  if (read === null) return "is no SIP URI";
  const [head = "", headers = ""] = text.split("?");
  if (head.length > MAX_URI_CHARACTERS)
    return `has an address of more than ${MAX_URI_CHARACTERS} characters`;
  if (headers.length > MAX_HEADER_CHARACTERS)
    return `has headers of more than ${MAX_HEADER_CHARACTERS} characters`;
  const foreign = read.headers.find(({ name }) => !/^X-[\w-]+$/i.test(name));
  return foreign === undefined
    ? null
    : `has the header ${foreign.name}, which does not begin with X-`;
}

export interface SipRing {
  readonly end: SipCallee;
  readonly outcome: Promise<RingOutcome>;
}

/** Sends the INVITE. @param ended  the model's end hung up. */
export function inviteModel(
  leg: CallLeg,
  end: SipEndpoint,
  on: { ended(): void; speaking(speaks: boolean): void },
): SipRing {
  const read = readSipUri(leg.to);
  const uri = read?.uri ?? leg.to;
  let settle: (outcome: RingOutcome) => void = () => {};
  const outcome = new Promise<RingOutcome>((resolve) => {
    settle = resolve;
  });
  const carrier: SipCarrier = {
    answered: () => settle("answered"),
    refused: (status) => settle(outcomeOf(status)),
    ended: on.ended,
    // The far end cannot refer a participant, or a <Dial> without referUrl.
    refer: () => "refused",
    speaking: on.speaking,
  };
  const called = end(
    {
      uri,
      headers: [
        { name: "Via", value: "SIP/2.0/TLS 192.0.2.1:5061;branch=z9hG4bK1" },
        { name: "From", value: `<sip:${leg.from}@pstn.twilio.test>;tag=${leg.sid.slice(-8)}` },
        { name: "To", value: `<${uri}>` },
        { name: "Call-ID", value: `${leg.sid}@192.0.2.1` },
        { name: "X-Twilio-CallSid", value: leg.sid },
        { name: "X-Twilio-AccountSid", value: leg.accountSid },
        ...(read?.headers ?? []),
      ],
    },
    carrier,
  );
  return { end: called, outcome };
}

function outcomeOf(sipStatus: number): RingOutcome {
  if (sipStatus === 486 || sipStatus === 600) return "busy";
  return sipStatus === 408 || sipStatus === 480 || sipStatus === 487 ? "no-answer" : "failed";
}
