import { growingPauses, listedPauses } from "../../domain/backoff.js";
import { errorCodeOf, RelayError } from "../../domain/errors.js";
import type { Timer } from "../../ports/clock.js";
import type { SipControl } from "../../ports/model-rest.js";
import type { CallContext, CallPathHost } from "../call/call-path.js";
import { acceptedSession } from "./accepted-session.js";
import type { ConferenceInput } from "./conference-events.js";

/** Together well inside the time that a carrier lets a call ring. */
const ACCEPT_PAUSES = listedPauses([150, 500, 1_200]);
const HANG_UP_PAUSES = growingPauses(400, 5);
/** SIP's "temporarily unavailable". */
const UNAVAILABLE = 480;

/** The requests to OpenAI about a model's call, `rtc_…`: accepted, rejected, hung up. */
export class ModelCalls {
  readonly #call: CallContext;
  readonly #sip: SipControl;
  readonly #host: Pick<CallPathHost, "profile">;
  readonly #tell: (input: ConferenceInput & { type: "accepted" | "accept_failed" }) => void;
  #acceptTimer: Timer | null = null;

  constructor(
    call: CallContext,
    sip: SipControl,
    host: Pick<CallPathHost, "profile">,
    tell: (input: ConferenceInput & { type: "accepted" | "accept_failed" }) => void,
  ) {
    this.#call = call;
    this.#sip = sip;
    this.#host = host;
    this.#tell = tell;
  }

  /** @param tries  this one included. */
  accept(callId: string, tries: number, pauseMs: number): void {
    this.#acceptTimer?.cancel();
    this.#acceptTimer = null;
    if (pauseMs <= 0) {
      this.#accept(callId, tries);
      return;
    }
    this.#acceptTimer = this.#call.deps.clock.after(pauseMs, () => {
      this.#acceptTimer = null;
      this.#accept(callId, tries);
    });
  }

  #accept(callId: string, tries: number): void {
    this.#sip.accept(callId, acceptedSession(this.#host.profile)).then(
      () => this.#tell({ type: "accepted", callId }),
      (error: unknown) => {
        const code = errorCodeOf(error);
        this.#call.log.warn("sip: call not accepted", { code }, error);
        this.#call.eventLog.note("accept_failed", { code });
        const retryable = error instanceof RelayError && error.retryable;
        const pauseMs = retryable ? ACCEPT_PAUSES(tries) : null;
        this.#tell({ type: "accept_failed", callId, code, pauseMs, tries });
      },
    );
  }

  reject(callId: string): void {
    this.#sip.reject(callId, UNAVAILABLE).catch((error: unknown) => {
      if (errorCodeOf(error) === "caller_gone") return;
      this.#call.log.warn("sip: call not rejected", { code: errorCodeOf(error) }, error);
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
      if (pauseMs === null) this.#call.log.warn("sip: model's leg not hung up", { code }, error);
      else this.#call.deps.clock.after(pauseMs, () => this.#hangUp(callId, failures + 1));
    });
  }

  /** No call is accepted any more; those that are over are still hung up. */
  stop(): void {
    this.#acceptTimer?.cancel();
  }
}
