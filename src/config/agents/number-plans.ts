/** What the numbering plans say of a number. The only user of libphonenumber-js. */
import {
  isSupportedCountry,
  type PhoneNumber,
  parsePhoneNumberFromString,
} from "libphonenumber-js/max";
import { isE164 } from "../../domain/address.js";
import type { NumberPlans } from "../../relay/calls/outbound-policy.js";

/** Numbers that charge the dialling party extra for each minute. Toll fraud uses them. */
const PREMIUM_TYPES = new Set(["PREMIUM_RATE", "SHARED_COST"]);
/**
 * International premium rate, which belongs to no country. Source: ITU-T E.164.3, list of codes.
 */
const PREMIUM_CODES = new Set(["979"]);
/**
 * Satellite networks (870, 881) and international networks (878, 882, 883, 888), which cost as
 * much. Source: ITU-T E.164, list of assigned country codes.
 */
const SATELLITE_CODES = new Set(["870", "878", "881", "882", "883", "888"]);
/** +1 555: no one has these numbers. Documentation and tests use them. */
const FICTITIOUS = "+1555";

/** What is wrong with the shape of an E.164 number, or null. */
export function shapeProblem(text: string): string | null {
  if (!isE164(text))
    return "is not an E.164 number (+, country code, number, no spaces), sip: URI or client: name";
  // isValid() would refuse numbers that are newer than the package's tables, and the fictitious +1
  // 555 numbers.
  const possible = isOfSatellite(text) || parsePhoneNumberFromString(text)?.isPossible() === true;
  return possible ? null : "is not a possible phone number: its length is wrong";
}

/**
 * True when a numbering plan contains the number. `doctor` warns otherwise: it may be a typing
 * error.
 */
export function isAssignable(e164: string): boolean {
  return parsePhoneNumberFromString(e164)?.isValid() ?? false;
}

export function isCountryCode(text: string): boolean {
  return isSupportedCountry(text);
}

export const numberPlans: NumberPlans = {
  costly(e164) {
    if (isOfSatellite(e164)) return "satellite_number";
    const parsed = parsePhoneNumberFromString(e164);
    return parsed !== undefined && isPremium(parsed) ? "premium_number" : null;
  },
  country(e164) {
    if (e164.startsWith(FICTITIOUS)) return "US";
    return parsePhoneNumberFromString(e164)?.country ?? null;
  },
};

/** By the code alone: the package knows not all of them. */
function isOfSatellite(e164: string): boolean {
  return SATELLITE_CODES.has(e164.slice(1, 4));
}

function isPremium(parsed: PhoneNumber): boolean {
  const type = parsed.getType();
  return (
    PREMIUM_CODES.has(parsed.countryCallingCode) || (type !== undefined && PREMIUM_TYPES.has(type))
  );
}
