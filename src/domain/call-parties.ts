import type { CallSid } from "./ids.js";
import type { CallDirection } from "./record-event.js";

/** Who is on the line. */
export interface CallParties {
  readonly callSid: CallSid;
  readonly from: string;
  readonly to: string;
  readonly direction: CallDirection;
  /** Handed on when the caller's number is shown to a human; null when Twilio gave none. */
  readonly callToken: string | null;
  /**
   * When it began, if that was before this process got it: a call that was placed rings first.
   * Absent or null: now.
   */
  readonly openedEpochMs?: number | null;
}
