/** Checks of language tags and time zones, by the tables of Node's own ICU. */

/** True for a valid BCP 47 tag such as en or en-US. */
export function isLanguageTag(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1;
  } catch {
    return false;
  }
}

/**
 * True for an IANA name. Newer versions of Node also accept offsets such as +05:00, which have no
 * daylight saving time.
 */
export function isTimeZone(zone: string): boolean {
  if (!/^[A-Za-z]/.test(zone)) return false;
  try {
    return new Intl.DateTimeFormat("en", { timeZone: zone }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}
