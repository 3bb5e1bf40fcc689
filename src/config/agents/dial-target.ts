/**
 * What may be dialled. A target is checked once, when the file or setting is read; all other
 * modules can trust a DialTarget.
 */
import type { DialTarget } from "../../domain/agent-profile.js";
import { numberPlans, shapeProblem } from "./number-plans.js";

/**
 * user@host[:port] and ;transport=…. Headers (`?`) and other parameters are refused: Twilio would
 * pass them on.
 */
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

/** What is wrong with an E.164 number that is to be called, or null. */
export function numberProblem(text: string): string | null {
  const problem = shapeProblem(text);
  if (problem !== null) return problem;
  switch (numberPlans.costly(text)) {
    case "premium_number":
      return "is a premium-rate number";
    case "satellite_number":
      return "is a satellite number, which costs as much as a premium-rate number";
    case null:
      return null;
  }
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
