/** The names by which Twilio knows a call's conference and those in it. Pure. */
import type { CallSid } from "../domain/ids.js";

export const CALLER_LABEL = "caller";

/** One conference for each caller. */
export function conferenceName({ callSid }: { readonly callSid: CallSid }): string {
  return `murelay-${callSid}`;
}

/**
 * Holds the number of the attempt, so that joins and leaves of an older leg can be told apart.
 */
export function consultLabel(attempt: number): string {
  return `consult-${attempt}`;
}

export function isConsultLabel(label: string): boolean {
  return /^consult-\d+$/.test(label);
}
