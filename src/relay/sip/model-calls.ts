import { growingPauses, listedPauses } from "../../domain/backoff.js";
import { errorCodeOf, RelayError } from "../../domain/errors.js";
import type { Clock, Timer } from "../../ports/clock.js";
import type { Log } from "../../ports/log.js";
import type { SipControl } from "../../ports/model-rest.js";
import type { CallEventLog } from "../call/call-event-log.js";
import type { SessionProfile } from "../model/model-session.js";
import { acceptedSession } from "./accepted-session.js";
import type { ConferenceInput } from "./conference-events.js";

/** Together well inside the time that a carrier lets a call ring. */
const ACCEPT_PAUSES = listedPauses([150, 500, 1_200]);
const HANG_UP_PAUSES = growingPauses(400, 5);
/** SIP's "temporarily unavailable". */
const UNAVAILABLE = 480;

export interface ModelCallsDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly eventLog: CallEventLog;
}

/** The requests to OpenAI about a model's call, `rtc_…`: accepted, rejected, hung up. */
export class ModelCalls {
  readonly #sip: SipControl;
  readonly #profile: () => SessionProfile;
  readonly #tell: (input: ConferenceInput & { type: "accepted" | "accept_failed" }) => void;
  readonly #deps: ModelCallsDeps;
  #acceptTimer: Timer | null = null;

  constructor(
    sip: SipControl,
    profile: () => SessionProfile,
    tell: (input: ConferenceInput & { type: "accepted" | "accept_failed" }) => void,
    deps: ModelCallsDeps,
  ) {
    this.#sip = sip;
    this.#profile = profile;
    this.#tell = tell;
    this.#deps = deps;
  }

  /** @param tries  this one included. */
  accept(callId: string, tries: number, pauseMs: number): void {
    this.#acceptTimer?.cancel();
    this.#acceptTimer = null;
    if (pauseMs <= 0) {
      this.#accept(callId, tries);
      return;
    }
    this.#acceptTimer = this.#deps.clock.after(pauseMs, () => {
      this.#acceptTimer = null;
      this.#accept(callId, tries);
    });
  }

  #accept(callId: string, tries: number): void {
    this.#sip.accept(callId, acceptedSession(this.#profile())).then(
      () => this.#tell({ type: "accepted", callId }),
      (error: unknown) => {
        const code = errorCodeOf(error);
        this.#deps.log.warn("sip: call not accepted", { code }, error);
        this.#deps.eventLog.note("accept_failed", { code });
        const retryable = error instanceof RelayError && error.retryable;
        const pauseMs = retryable ? ACCEPT_PAUSES(tries) : null;
        this.#tell({ type: "accept_failed", callId, code, pauseMs, tries });
      },
    );
  }

  reject(callId: string): void {
    this.#sip.reject(callId, UNAVAILABLE).catch((error: unknown) => {
      if (errorCodeOf(error) === "caller_gone") return;
      this.#deps.log.warn("sip: call not rejected", { code: errorCodeOf(error) }, error);
    });
  }

  /** No model may stay on a line that is over. A leg that is gone already is what is wanted. */
  hangUp(callId: string): void {
    this.#hangUp(callId, 0);
  }

  #hangUp(callId: string, failures: number): void {
    this.#sip.hangUp(callId).catch((error: unknown) => {
      const code = errorCodeOf(error);
      if (code === "caller_gone" || code === "upstream_rejected") return;
      const pauseMs = HANG_UP_PAUSES(failures + 1);
      if (pauseMs === null) this.#deps.log.warn("sip: model's leg not hung up", { code }, error);
      else this.#deps.clock.after(pauseMs, () => this.#hangUp(callId, failures + 1));
    });
  }

  /** No call is accepted any more; those that are over are still hung up. */
  stop(): void {
    this.#acceptTimer?.cancel();
  }
}
