/** What REST operations of several kinds refuse. */
import type { TwilioContext } from "./context.js";
import { type Params, RestError } from "./rest-error.js";
import { sipUriFault } from "./sip-leg.js";

const E164 = /^\+[1-9]\d{6,14}$/;

/** Twilio ignores parameters that it does not know; here each is a mistake. */
export function checkKnown(params: Params, fields: ReadonlySet<string>): void {
  for (const name of params.keys())
    if (!fields.has(name)) throw new RestError(400, 20001, `Unknown parameter ${name}`);
}

export function checkUrl(name: string, url: string | null): void {
  if (url !== null && url !== "" && !/^https?:\/\/[^\s/]+/.test(url))
    throw new RestError(400, 21205, `${name} is not a valid URL: ${url}`);
}

export function checkTo(to: string): void {
  if (!E164.test(to) && !/^(sips?:|client:)/.test(to))
    throw new RestError(400, 21211, `The 'To' number ${to} is not a valid phone number.`);
  if (!/^sips?:/.test(to)) return;
  const fault = sipUriFault(to);
  if (fault !== null) throw new RestError(400, 21211, `The 'To' address ${fault}.`);
}

/**
 * `From` is a Twilio number, a verified one, or that of a caller on the line whose `CallToken`
 * comes with it. A token belongs to one call.
 */
export function checkFrom(twilio: TwilioContext, from: string, token: string | null): void {
  if (from === "") throw new RestError(400, 21213, "The 'From' number is required.");
  if (!E164.test(from) && !/^client:/.test(from))
    throw new RestError(400, 21212, `The 'From' number ${from} is not a valid phone number.`);
  if (token === null) {
    if (E164.test(from) && !twilio.ownsNumber(from))
      throw new RestError(400, 21210, `The 'From' number ${from} is not verified.`);
    return;
  }
  const caller = twilio.legs.find((leg) => leg.callToken === token && leg.direction === "inbound");
  if (caller === undefined || caller.over || caller.from !== from)
    throw new RestError(400, 21210, `The 'CallToken' does not belong to a call from ${from}.`);
}
