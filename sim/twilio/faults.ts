/**
 * The faults of the simulated Twilio that a test switches on for all calls. They act at once, until
 * they are switched off:
 *
 * ```ts
 * const twilio = await startTwilio({ publicUrl, faults: { http10: true } });
 * twilio.faults.http10 = false;
 * ```
 *
 * Faults of a single call stand in `placeCall`, those of REST in `failRest`.
 */
export interface TwilioFaults {
  /** Webhooks and callbacks are sent as HTTP/1.0, each on a connection of its own. */
  http10: boolean;
  /** The first reply to each webhook and action is lost: the relay gets the request twice. */
  repeatWebhooks: boolean;
  /** Every status callback comes twice. */
  duplicateCallbacks: boolean;
  /** Every second status callback overtakes the one before it. */
  reorderCallbacks: boolean;
}

export function noFaults(): TwilioFaults {
  return {
    http10: false,
    repeatWebhooks: false,
    duplicateCallbacks: false,
    reorderCallbacks: false,
  };
}
