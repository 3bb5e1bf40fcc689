import type { Backoff } from "../../domain/backoff.js";
import { errorCodeOf, RelayError } from "../../domain/errors.js";
import type { CallSid } from "../../domain/ids.js";
import type { Clock } from "../../ports/clock.js";
import type { Log } from "../../ports/log.js";
import type { CallControl } from "../../ports/twilio.js";
import type { Twiml } from "../../wire/twiml.js";

export interface LastRedirectDeps {
  readonly control: Pick<CallControl, "redirect">;
  readonly clock: Pick<Clock, "after">;
  readonly log: Log;
}

/**
 * Moves a caller from their conference to what follows, after the call is over for the relay. No
 * model is with the caller any more, and Twilio does not ask what follows but plays music until
 * they hang up. So a failed request is repeated.
 *
 * @param pauses  between the requests.
 * @param failed  the log line for a caller who could not be moved.
 * @returns       false: the caller is still in the conference.
 */
export async function lastRedirect(
  callSid: CallSid,
  twiml: Twiml,
  pauses: Backoff,
  failed: string,
  { control, clock, log }: LastRedirectDeps,
): Promise<boolean> {
  for (let failures = 1; ; failures++) {
    try {
      await control.redirect(callSid, twiml);
      return true;
    } catch (error) {
      const code = errorCodeOf(error);
      // Twilio gives the same answer for a call that cannot be moved just now.
      const isGone = code === "caller_gone";
      // The request may have been carried out. Repeating it would take the caller away from a
      // human.
      const mayConnect = code === "twilio_timeout" && connects(twiml);
      const isRetryable = error instanceof RelayError && error.retryable && !mayConnect;
      const mayPass = isGone || isRetryable;
      const pauseMs = mayPass ? pauses(failures) : null;
      if (pauseMs === null) {
        if (!isGone) log.warn(failed, { callSid, code }, error);
        return isGone;
      }
      await new Promise<void>((resolve) => void clock.after(pauseMs, resolve));
    }
  }
}

function connects(twiml: Twiml): boolean {
  return twiml.some(({ verb }) => verb === "dial" || verb === "enqueue");
}
