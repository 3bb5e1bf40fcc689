import { growingPauses } from "../domain/backoff.js";
import type { TwilioCallStatus } from "../domain/call-status.js";
import { type ErrorCode, errorCodeOf, RelayError } from "../domain/errors.js";
import type { CallSid } from "../domain/ids.js";
import type { Clock, Timer } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import type { CallControl } from "../ports/twilio.js";
import type { Twiml } from "../wire/twiml.js";
import type { ConsultCall } from "./destinations/destination-kind.js";

/**
 * From sending a request to giving it up as `twilio_timeout`: longer than the client's own time-out
 * of one try.
 */
const REQUEST_MS = 12_000;

const hangUpPause = growingPauses(1_000, 5);

export interface RequestDeps {
  readonly control: CallControl;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Twilio's REST for one transfer. Every request ends, in time, by `done` or by `failed`. One that
 * was given up may still be answered: `done` is then called after `failed`.
 */
export class TransferRequests {
  readonly #callSid: CallSid;
  readonly #deps: RequestDeps;
  readonly #timers = new Set<Timer>();
  #closed = false;

  constructor(callSid: CallSid, deps: RequestDeps) {
    this.#callSid = callSid;
    this.#deps = deps;
  }

  redirect(twiml: () => Twiml, done: () => void, failed: (code: ErrorCode) => void): void {
    this.#run(() => this.#deps.control.redirect(this.#callSid, twiml()), done, failed);
  }

  /** @param tell  null: Twilio would not say. */
  callerStatus(tell: (status: TwilioCallStatus | null) => void): void {
    this.#status(this.#callSid, "completed", tell);
  }

  consultStatus(sid: CallSid, tell: (status: TwilioCallStatus | null) => void): void {
    this.#status(sid, "failed", tell);
  }

  #status(
    sid: CallSid,
    gone: TwilioCallStatus,
    tell: (status: TwilioCallStatus | null) => void,
  ): void {
    let told = false;
    const once = (status: TwilioCallStatus | null): void => {
      if (!told) tell(status);
      told = true;
    };
    this.#run(
      () => this.#deps.control.status(sid),
      once,
      (code) => once(code === "caller_gone" ? gone : null),
    );
  }

  /** @param second  tried when Twilio refuses the first for good; null: it is not tried again. */
  createConsultLeg(
    call: ConsultCall,
    second: ConsultCall | null,
    whisper: Twiml,
    done: (sid: CallSid) => void,
    failed: (code: ErrorCode) => void,
  ): void {
    const { control } = this.#deps;
    this.#run(
      () =>
        control.createCallWithTwiml(call, whisper).catch((error: unknown) => {
          const refused = error instanceof RelayError && error.code === "twilio_rejected";
          if (!refused || second === null) throw error;
          return control.createCallWithTwiml(second, whisper);
        }),
      done,
      failed,
    );
  }

  /** @param tell  null: Twilio would not say. */
  findCalls(to: string, sinceEpochMs: number, tell: (exists: boolean | null) => void): void {
    let told = false;
    const once = (exists: boolean | null): void => {
      if (!told) tell(exists);
      told = true;
    };
    this.#run(
      () => this.#deps.control.findCalls(to, sinceEpochMs),
      (calls) => once(calls.length > 0),
      () => once(null),
    );
  }

  /** Tried again for a while: a human who has just accepted would sit in an empty conference. */
  hangUp(sid: CallSid, failures = 0): void {
    this.#run(
      () => this.#deps.control.hangUp(sid),
      () => undefined,
      (code) => {
        // Gone is what was wanted.
        if (code === "caller_gone") return;
        const pauseMs = this.#closed ? null : hangUpPause(failures + 1);
        if (pauseMs === null) {
          this.#deps.log.warn("transfer: leg not hung up", { callSid: this.#callSid, code });
          return;
        }
        this.#after(pauseMs, () => this.hangUp(sid, failures + 1));
      },
    );
  }

  /** No timer is left; answers that are under way still come. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  #after(ms: number, run: () => void): Timer {
    const timer = this.#deps.clock.after(ms, () => {
      this.#timers.delete(timer);
      run();
    });
    this.#timers.add(timer);
    return timer;
  }

  #run<T>(
    request: () => Promise<T>,
    done: (value: T) => void,
    failed: (code: ErrorCode) => void,
  ): void {
    let late = false;
    const timer = this.#after(REQUEST_MS, () => {
      late = true;
      failed("twilio_timeout");
    });
    const settle = (): void => {
      timer.cancel();
      this.#timers.delete(timer);
    };
    // An async arrow, so that a throw before the first await counts as a rejection.
    (async () => request())().then(
      (value) => {
        settle();
        done(value);
      },
      (error: unknown) => {
        settle();
        const code = errorCodeOf(error);
        if (code === "internal")
          this.#deps.log.error("transfer: request failed", { callSid: this.#callSid, code }, error);
        if (!late) failed(code);
      },
    );
  }
}
