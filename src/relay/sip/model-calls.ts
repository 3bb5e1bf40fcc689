import { growingPauses, listedPauses } from "../../domain/backoff.js";
import { errorCodeOf, RefusedError, RelayError } from "../../domain/errors.js";
import type { Timer } from "../../ports/clock.js";
import type { SipControl } from "../../ports/model-rest.js";
import type { CallContext, CallPathHost } from "../call/call-path.js";
import { recordRefusedPart } from "../call/refused-part.js";
import { OpeningConfiguration } from "../model/openai-realtime/opening-configuration.js";
import { acceptedSession } from "./accepted-session.js";
import type { ConferenceInput } from "./conference-events.js";
import { warnUnlessGone } from "./failed-request.js";

/** Between the tries to accept a call, in ms: together well within a carrier's ringing time. */
const ACCEPT_PAUSES = listedPauses([150, 500, 1_200]);
const HANG_UP_PAUSES = growingPauses(400, 5);
/** SIP's "temporarily unavailable". */
const UNAVAILABLE = 480;

export type ModelCallsHost = Pick<CallPathHost, "profile" | "transcripts">;

/** The requests to OpenAI about a model's call (`rtc_…`): accept, reject, hang up. */
export class ModelCalls {
  readonly #call: CallContext;
  readonly #sip: SipControl;
  readonly #host: ModelCallsHost;
  readonly #tell: (input: ConferenceInput & { type: "accepted" | "accept_failed" }) => void;
  #acceptTimer: Timer | null = null;
  /** The configuration with which the call is accepted, without the parts that were refused. */
  #opening: { readonly callId: string; readonly configuration: OpeningConfiguration } | null = null;

  constructor(
    call: CallContext,
    sip: SipControl,
    host: ModelCallsHost,
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
    const configuration = this.#configurationOf(callId);
    this.#sip.accept(callId, configuration.session).then(
      () => this.#tell({ type: "accepted", callId }),
      (error: unknown) => {
        if (this.#reduced(configuration, error)) this.#accept(callId, tries);
        else this.#notAccepted(callId, tries, error);
      },
    );
  }

  #configurationOf(callId: string): OpeningConfiguration {
    if (this.#opening?.callId !== callId) {
      const configuration = new OpeningConfiguration(acceptedSession(this.#host.profile));
      this.#opening = { callId, configuration };
    }
    return this.#opening.configuration;
  }

  /** True: the error names a part that the call can do without, and the next try leaves it out. */
  #reduced(configuration: OpeningConfiguration, error: unknown): boolean {
    if (!(error instanceof RefusedError)) return false;
    const { param, said: message } = error;
    const reduced = configuration.refused({
      type: null,
      code: null,
      message,
      param,
      eventId: null,
    });
    if (reduced === null) return false;
    const { eventLog, log, deps } = this.#call;
    const { transcripts } = this.#host;
    recordRefusedPart(reduced.part, reduced.tool, { eventLog, log, transcripts }, deps.metrics);
    return true;
  }

  #notAccepted(callId: string, tries: number, error: unknown): void {
    const code = errorCodeOf(error);
    this.#call.log.warn("sip: call not accepted", { code }, error);
    this.#call.eventLog.note("accept_failed", { code });
    const retryable = error instanceof RelayError && error.retryable;
    const pauseMs = retryable ? ACCEPT_PAUSES(tries) : null;
    this.#tell({ type: "accept_failed", callId, code, pauseMs, tries });
  }

  reject(callId: string): void {
    this.#sip
      .reject(callId, UNAVAILABLE)
      .catch((error: unknown) => warnUnlessGone(this.#call.log, "sip: call not rejected", error));
  }

  /** Ends a model's call, with retries. A call that has already ended is a success. */
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

  /** Accepts no call any more. Hang-ups that have begun go on. */
  stop(): void {
    this.#acceptTimer?.cancel();
  }
}
