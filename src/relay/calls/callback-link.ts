/**
 * Callback links: what a URL that the relay gives to Twilio says about the callback. Twilio signs
 * its requests, so the link that comes back is the one that was sent. A URL is parsed here, once;
 * everything after that is routed by the link's kind.
 */
import { type CallSid, readCallSid } from "../../domain/ids.js";
import { linkQuery, readLink, type TransferLink } from "../../transfer/transfer-link.js";

/** A form that Twilio posted, decoded; its signature has been checked. Unknown fields are kept. */
export type Form = Readonly<Record<string, string>>;

export type CallbackKind =
  | "call-status"
  | "stream-status"
  | "recording-status"
  | "amd-status"
  | "conference-events";

export type CallbackLink =
  /** A number's own webhook, or a callback of the caller's call itself. */
  | { readonly kind: "plain" }
  /** An outbound call: its id, and its agent. */
  | { readonly kind: "outbound"; readonly id: string; readonly agent: string }
  /** The conference of a caller on the SIP path. */
  | { readonly kind: "conference"; readonly call: CallSid }
  /** The model's leg in it, by the number of the try that made it. */
  | { readonly kind: "model_leg"; readonly call: CallSid; readonly leg: number }
  /** An announcement for a caller on the SIP path who waits. */
  | { readonly kind: "comfort"; readonly call: CallSid; readonly language: string }
  /** The silence that a participant hears who is on hold. */
  | { readonly kind: "silence"; readonly call: CallSid }
  /** The leg of the TwiML App by which a supervisor comes into a caller's conference. */
  | { readonly kind: "line"; readonly call: CallSid; readonly line: string }
  /** The end of that leg's stream. */
  | { readonly kind: "line_ended"; readonly call: CallSid; readonly line: string }
  | { readonly kind: "transfer"; readonly transfer: TransferLink };

/** The kind of a link as an instance. */
export type LinkOf<Kind extends CallbackLink["kind"]> = CallbackLink & { readonly kind: Kind };

/** The voice URL of the TwiML App. */
export const SUPERVISOR_PATH = "/sip/supervisor";

export const PLAIN: CallbackLink = { kind: "plain" };

/** @returns a plain link for a query without a link of ours, or with a broken one. */
export function readCallbackLink(query: Form): CallbackLink {
  const { outbound, agent = "", sip, leg = "" } = query;
  if (outbound !== undefined) return { kind: "outbound", id: outbound, agent };
  if (sip !== undefined) {
    const call = readCallSid(query["call"]);
    if (call === null) return PLAIN;
    if (sip === "comfort") return { kind: "comfort", call, language: query["language"] ?? "" };
    if (sip === "silence") return { kind: "silence", call };
    if (sip === "line_ended") return { kind: "line_ended", call, line: query["line"] ?? "" };
    if (sip !== "model") return { kind: "conference", call };
    return /^\d{1,3}$/.test(leg) ? { kind: "model_leg", call, leg: Number(leg) } : PLAIN;
  }
  const transfer = readLink(query);
  return transfer === null ? PLAIN : { kind: "transfer", transfer };
}

/** The App's first request has no query: parameters of the participant say whose line it is. */
export function readLineLink(query: Form, form: Form): CallbackLink {
  const link = readCallbackLink(query);
  if (link.kind !== "plain") return link;
  const call = readCallSid(form["call"]);
  return call === null ? PLAIN : { kind: "line", call, line: form["line"] ?? "" };
}

export function callbackQuery(link: CallbackLink): Form {
  switch (link.kind) {
    case "plain":
      return {};
    case "outbound":
      return { outbound: link.id, agent: link.agent };
    case "conference":
      return { sip: "conference", call: link.call };
    case "model_leg":
      return { sip: "model", call: link.call, leg: String(link.leg) };
    case "comfort":
      return { sip: "comfort", call: link.call, language: link.language };
    case "silence":
      return { sip: "silence", call: link.call };
    case "line":
    case "line_ended":
      return { sip: link.kind, call: link.call, line: link.line };
    case "transfer":
      return linkQuery(link.transfer);
  }
}

/** @param publicUrl  without a final slash. */
export function callbackUrl(publicUrl: string, path: string, link: CallbackLink): string {
  return `${publicUrl}${path}?${new URLSearchParams(callbackQuery(link))}`;
}

/** The call that a callback belongs to; null: it names none. */
export function callOf(link: CallbackLink, form: Form): CallSid | null {
  switch (link.kind) {
    case "conference":
    case "model_leg":
    case "comfort":
    case "silence":
    case "line":
    case "line_ended":
      return link.call;
    case "transfer":
      return link.transfer.call;
    default:
      return readCallSid(form["CallSid"]);
  }
}
