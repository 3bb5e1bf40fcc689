/**
 * Cold transfers by SIP REFER: all that a trunk call offers, whose number has no TwiML and no REST
 * control. It is not an entry of the agents file: any destination with a phone can be reached by
 * it. Pure.
 */
import type { Destination } from "../../domain/agent-profile.js";
import type { TransferOutcome } from "../../domain/transfer-request.js";

/**
 * From an accepted REFER to the end of the call's leg: a carrier that takes a REFER has taken the
 * caller by then.
 */
export const REFER_MS = 6_000;

/** The `target_uri` of a REFER. Null: the destination has no phone that a carrier can reach. */
export function referTarget(destination: Destination | undefined): string | null {
  if (destination === undefined || !("target" in destination)) return null;
  const { target } = destination;
  switch (target.type) {
    case "number":
      return `tel:${target.e164}`;
    case "sip":
      return target.uri;
    case "client":
      // A name that only Twilio's own network knows.
      return null;
  }
}

/**
 * A carrier says nothing of a REFER's fate: whether it took the caller shows by whether the call's
 * leg ends.
 */
export function referOutcome(legEnded: boolean): Extract<TransferOutcome, "answered" | "failed"> {
  return legEnded ? "answered" : "failed";
}
