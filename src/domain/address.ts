/**
 * The addresses that Twilio puts into `From` and `To`, and the agents file into its numbers and
 * destinations. Two texts may name the same party: compare addresses with `sameAddress`, never as
 * texts.
 */
import type { DialTarget } from "./agent-profile.js";

export type Address =
  | { readonly type: "number"; readonly e164: string }
  /** `uri` is in lower case, without scheme, parameters, headers and the default port. */
  | { readonly type: "sip"; readonly uri: string }
  | { readonly type: "client"; readonly identity: string }
  /** The caller, or their carrier, hides the number. */
  | { readonly type: "withheld" }
  | { readonly type: "unknown"; readonly text: string };

const E164 = /^\+[1-9]\d{6,14}$/;

const WITHHELD_WORDS: ReadonlySet<string> = new Set([
  "",
  "anonymous",
  "blocked",
  "private",
  "restricted",
  "unavailable",
  "unknown",
  "withheld",
]);

/**
 * Numbers that stand for such a word, spelt on a keypad: ANONYMOUS, BLOCKED, RESTRICTED,
 * UNAVAILABLE, UNKNOWN. Source: Twilio support, "Why am I getting calls from these strange
 * numbers?".
 */
const WITHHELD_NUMBERS: ReadonlySet<string> = new Set([
  "+266696687",
  "+2562533",
  "+7378742833",
  "+86282452253",
  "+8656696",
]);

export function isE164(text: string): boolean {
  return E164.test(text);
}

/**
 * @param text  as Twilio or a person writes it: `+15550001111`, `tel:+1-555-000-1111`,
 * `<sip:Anna@Host:5060>`.
 */
export function readAddress(text: string): Address {
  const bare = withoutDisplayName(text.trim());
  const colon = bare.indexOf(":");
  const scheme = colon < 0 ? "" : bare.slice(0, colon).toLowerCase();
  const rest = bare.slice(colon + 1);
  switch (scheme) {
    case "sip":
    case "sips":
      return sipAddress(rest);
    case "client":
      return { type: "client", identity: rest.toLowerCase() };
    case "tel":
      return numberAddress(rest.split(";")[0] ?? "");
    default:
      return numberAddress(bare);
  }
}

function withoutDisplayName(text: string): string {
  return /<([^<>]*)>/.exec(text)?.[1]?.trim() ?? text;
}

function sipAddress(rest: string): Address {
  const uri = (rest.split(/[;?]/)[0] ?? "").toLowerCase().replace(/:506[01]$/, "");
  const user = uri.includes("@") ? (uri.split("@")[0] ?? "") : "";
  return WITHHELD_WORDS.has(user) && user !== "" ? { type: "withheld" } : { type: "sip", uri };
}

function numberAddress(text: string): Address {
  // RFC 3966, section 5.1.1: separators in a tel: URI are for the eye only.
  const digits = text.replace(/[\s().-]/g, "");
  if (WITHHELD_WORDS.has(digits.toLowerCase()) || WITHHELD_NUMBERS.has(digits))
    return { type: "withheld" };
  return E164.test(digits) ? { type: "number", e164: digits } : { type: "unknown", text: digits };
}

/** The same key for the same party. Null: the party is not known, so it is the same as no other. */
export function addressKey(text: string): string | null {
  const address = readAddress(text);
  switch (address.type) {
    case "number":
      return address.e164;
    case "sip":
      return `sip:${address.uri}`;
    case "client":
      return `client:${address.identity}`;
    case "unknown":
      return address.text.toLowerCase();
    case "withheld":
      return null;
  }
}

/** Two withheld callers are never the same. */
export function sameAddress(one: string, other: string): boolean {
  const key = addressKey(one);
  return key !== null && key === addressKey(other);
}

/** What Twilio is asked to call. */
export function addressOf(target: DialTarget): string {
  switch (target.type) {
    case "number":
      return target.e164;
    case "sip":
      return target.uri;
    case "client":
      return `client:${target.identity}`;
  }
}

/** The E.164 number that a text names, or null. */
export function numberOf(text: string): string | null {
  const address = readAddress(text);
  return address.type === "number" ? address.e164 : null;
}
