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
  /** Which of the legs that were dialled for that call it is. */
  readonly leg: number;
  readonly token: string;
}

/**
 * A call that rings at the model, as far as it can be believed: headers are anybody's word until a
 * token proves them.
 */
export interface SipInvite {
  /** `rtc_…`. */
  readonly callId: string;
  /** What our own header claims; null: there is none, so this is no leg of ours. */
  readonly claim: SipClaim | "malformed" | null;
  /** E.164, or "" where none can be read. */
  readonly from: string;
  /**
   * The number that was dialled; on a trunk it stands in `Diversion`, for `To` names the project.
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

/** Several diversions: the first call was to the last one's number. Source: RFC 5806. */
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
