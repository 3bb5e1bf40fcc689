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
 * Takes a caller out of their conference to what follows, after the call is over for the relay: no
 * model is with them any more, Twilio does not ask what follows, and its music would play until they
 * hang up. So a request that fails is made again.
 *
 * @param pauses  between the requests.
 * @param failed  logged when the caller could not be moved.
 * @returns       false: the caller still is in the conference.
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
      // Twilio says the same of a call that cannot be moved for a moment.
      const isGone = code === "caller_gone";
      // It may have been carried out: a caller who is with a human by now would be taken away.
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
