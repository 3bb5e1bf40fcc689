import { ANY_CALL_ID, type CallSid } from "../domain/ids.js";

const WHOLE_ID = new RegExp(`^(?:${ANY_CALL_ID})$`);

/**
 * Brands a text that looks like a call's SID, or like the id of a call that reached the model by a
 * trunk; else null.
 */
export function callSidOf(text: string | undefined): CallSid | null {
  return text !== undefined && WHOLE_ID.test(text) ? (text as CallSid) : null;
}
