import type { CallSid } from "../domain/ids.js";

/**
 * Brands a text that looks like a call's SID, or like the id of a call that reached the model by a
 * trunk; else null.
 */
export function callSidOf(text: string | undefined): CallSid | null {
  return text !== undefined && /^(?:CA[0-9A-Za-z]{1,62}|rtc_[\w-]{1,100})$/.test(text)
    ? (text as CallSid)
    : null;
}
