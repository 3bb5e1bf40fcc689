/**
 * What may be dialled. A target is checked once, when the file or setting is read; all other modules can trust a
 * DialTarget. The only user of libphonenumber-js.
 */
import { parsePhoneNumberFromString } from "libphonenumber-js/max";
import type { DialTarget } from "../../domain/agent-profile.js";

/** Numbers that charge the dialling party extra for each minute. Toll fraud uses them. */
const REFUSED_TYPES = new Set(["PREMIUM_RATE", "SHARED_COST"]);

const E164 = /^\+[1-9]\d{6,14}$/;
/** user@host[:port] and ;transport=…. Headers (`?`) and other parameters are refused: Twilio would pass them on. */
const SIP =
  /^sips?:([0-9A-Za-z.!~*'()&=+$,_%-]{1,128})@([0-9A-Za-z](?:[0-9A-Za-z.-]{0,251}[0-9A-Za-z])?)(?::(\d{1,5}))?(?:;transport=(?:tls|tcp|udp))?$/i;
const CLIENT = /^client:([0-9A-Za-z_.@+-]{1,121})$/;

/**
 * @param text       "+15551112222", "sip:desk@pbx.example.com;transport=tls" or "client:anna".
 * @param sipHosts   the only hosts that SIP URIs may name, in lower case; null: any.
 * @returns          the target, or what is wrong with the text, in words that do not repeat it.
 */
export function parseDialTarget(
  text: string,
  sipHosts: ReadonlySet<string> | null,
): DialTarget | string {
  if (/^sips?:/i.test(text)) return sipTarget(text, sipHosts);
  if (text.startsWith("client:")) {
    const identity = CLIENT.exec(text)?.[1];
    return identity === undefined
      ? "is not client: followed by a name"
      : { type: "client", identity };
  }
  const problem = numberProblem(text);
  return problem ?? { type: "number", e164: text };
}

/** What is wrong with an E.164 number, or null. */
export function numberProblem(text: string): string | null {
  if (!E164.test(text))
    return "is not an E.164 number (+, country code, number, no spaces), sip: URI or client: name";
  const parsed = parsePhoneNumberFromString(text);
  // isValid() would refuse numbers that are newer than the package's tables, and the fictitious +1 555 numbers.
  if (parsed === undefined || !parsed.isPossible())
    return "is not a possible phone number: its length is wrong";
  const type = parsed.getType();
  if (type !== undefined && REFUSED_TYPES.has(type)) return "is a premium-rate number";
  return null;
}

/** True when a numbering plan contains the number. `doctor` warns otherwise: it may be a typing error. */
export function isAssignable(e164: string): boolean {
  return parsePhoneNumberFromString(e164)?.isValid() ?? false;
}

function sipTarget(text: string, sipHosts: ReadonlySet<string> | null): DialTarget | string {
  if (text.includes("?")) return "contains SIP headers (?…), which are not allowed here";
  const match = SIP.exec(text);
  if (match === null) return "is not sip:user@host[:port][;transport=tls|tcp|udp]";
  const [, , host = "", port] = match;
  if (host.includes("..") || (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)))
    return "is not sip:user@host[:port][;transport=tls|tcp|udp]";
  if (sipHosts !== null && !sipHosts.has(host.toLowerCase()))
    return "names a host that is not in sip_hosts";
  return { type: "sip", uri: text };
}
