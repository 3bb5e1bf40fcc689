/**
 * The webhook by which OpenAI announces a SIP call: the body of `realtime.call.incoming`. The edge
 * checks the signature over the raw bytes before they come here. Source: OpenAI, webhooks and
 * Realtime over SIP.
 */
import { Fields } from "./fields.js";

export const MAX_SIP_WEBHOOK_BYTES = 65_536;

export interface SipHeader {
  readonly name: string;
  readonly value: string;
}

export interface SipIncomingCall {
  readonly type: "realtime.call.incoming";
  /** `rtc_…`: the id for accept, reject, refer, hang-up and the sideband. */
  readonly callId: string;
  readonly mediaSecurity: "srtp" | "rtp" | null;
  /**
   * In the order of the INVITE, repetitions included. Untrusted: any caller can send any header.
   */
  readonly headers: readonly SipHeader[];
}

/** Events that we do not use are answered with 2xx and otherwise ignored. */
export type SipWebhook = SipIncomingCall | { readonly type: "unknown"; readonly name: string };

/** @throws WireError when the body is too long, not JSON, or lacks a field that we use. */
export function parseSipWebhook(body: Uint8Array): SipWebhook {
  const event = Fields.parse(body, MAX_SIP_WEBHOOK_BYTES, "openai webhook");
  const type = event.id("type");
  if (type !== "realtime.call.incoming") return { type: "unknown", name: type };
  const data = event.object("data");
  const security = data.stringOrNull("sip_media_security");
  return {
    type,
    callId: data.id("call_id"),
    mediaSecurity: security === "srtp" || security === "rtp" ? security : null,
    headers: !data.has("sip_headers")
      ? []
      : data
          .objects("sip_headers")
          .map((header) => ({ name: header.string("name"), value: header.string("value") })),
  };
}

/** The first header of this name, in any case; null when there is none. */
export function sipHeader(headers: readonly SipHeader[], name: string): string | null {
  const folded = name.toLowerCase();
  return headers.find((header) => header.name.toLowerCase() === folded)?.value ?? null;
}

/** All headers of this name, in their order. */
export function sipHeaders(headers: readonly SipHeader[], name: string): string[] {
  const folded = name.toLowerCase();
  return headers
    .filter((header) => header.name.toLowerCase() === folded)
    .map((header) => header.value);
}
