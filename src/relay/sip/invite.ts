import { CALL_SID, type CallSid } from "../../domain/ids.js";
import {
  type SipHeader,
  type SipIncomingCall,
  sipHeader,
  sipHeaders,
} from "../../wire/sip-webhook.js";

/** The header that ties the model's leg to the call for which we dialled it. */
export const CALL_HEADER = "X-Murelay-Call";
/** Call, leg and token. */
const CLAIM = new RegExp(`^(${CALL_SID})\\.(\\d{1,3})\\.([\\w.-]{1,200})$`);

export interface SipClaim {
  readonly callSid: CallSid;
  /** The number of the leg among those that were dialled for the call. */
  readonly leg: number;
  readonly token: string;
}

/**
 * A call that rings at the model. Anyone can write SIP headers, so nothing here is proved until the
 * token has been checked.
 */
export interface SipInvite {
  /** `rtc_…`. */
  readonly callId: string;
  /** What our own header claims; null: there is none, so the relay did not dial this leg. */
  readonly claim: SipClaim | "malformed" | null;
  /** E.164, or "" where none can be read. */
  readonly from: string;
  /**
   * The number that was dialled. On a trunk it is in `Diversion`, because `To` names the project.
   */
  readonly dialled: string;
}

export function readInvite({ callId, headers }: SipIncomingCall): SipInvite {
  return {
    callId,
    claim: claimOf(headers),
    from: number(sipHeader(headers, "From")),
    dialled: dialled(headers),
  };
}

function claimOf(headers: readonly SipHeader[]): SipInvite["claim"] {
  const [value, more] = sipHeaders(headers, CALL_HEADER);
  if (value === undefined) return null;
  const match = CLAIM.exec(value);
  if (match === null || more !== undefined) return "malformed";
  return { callSid: match[1] as CallSid, leg: Number(match[2]), token: match[3] ?? "" };
}

/** Of several diversions, the last names the number that was dialled first. Source: RFC 5806. */
function dialled(headers: readonly SipHeader[]): string {
  const diversions = sipHeaders(headers, "Diversion").flatMap((value) => value.split(","));
  for (const value of [...diversions.reverse(), sipHeader(headers, "To")]) {
    const found = number(value ?? null);
    if (found !== "") return found;
  }
  return "";
}

/** The E.164 number in a name-addr, or "". */
function number(value: string | null): string {
  return /^[^<]*<?(?:sips?|tel):(\+[1-9]\d{6,14})[@;>]/.exec(`${value ?? ""}>`)?.[1] ?? "";
}
