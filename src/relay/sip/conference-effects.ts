import type { ErrorCode } from "../../domain/errors.js";
import type { SipControl } from "../../ports/model-rest.js";
import type { CallControl } from "../../ports/twilio.js";
import type { CallContext, CallPathHost } from "../call/call-path.js";
import { CallTimers } from "../call/call-timers.js";
import type { StreamTokens } from "../calls/stream-token.js";
import type { ConferenceEffect, ConferenceInput, ConferenceTimer } from "./conference-events.js";
import { ConferenceRequests } from "./conference-requests.js";
import { ModelCalls } from "./model-calls.js";
import { ModelLegs } from "./model-legs.js";
import type { SipStates } from "./sip-states.js";

export interface SipPathDeps {
  readonly control: CallControl;
  readonly sip: SipControl;
  /** Tokens that tie the model's leg to the call for which it was dialled. */
  readonly tokens: StreamTokens;
  /** Tokens that tie a stream of a call's audio to the call. */
  readonly streamTokens: StreamTokens;
  /** `wss://…/media-stream` of this process. */
  readonly mediaUrl: string;
  /** SUPERVISOR_APP_SID; null: no supervisor can speak. */
  readonly supervisorAppSid: string | null;
  /** `proj_…`. */
  readonly projectId: string;
  /** `https://…` without a final slash. */
  readonly publicUrl: string;
  /** Null: a call dies with its process. */
  readonly states: SipStates | null;
  /** A trunk call's leg has ended. True: because its REFER was carried out. */
  readonly referred: (call: CallContext) => boolean;
}

/** After how long each timer ends. */
const TIMEOUT_MS: Readonly<Record<ConferenceTimer, number>> = {
  /** From the TwiML, while Twilio's participant-join callback is awaited. */
  join: 1_000,
  /** From the request to put the caller on hold. Then the model is dialled without it. */
  hold: 2_000,
  /** From dialling the model to its session. */
  model: 8_000,
  /** From the end of the model's leg, while news that the caller hung up is awaited. */
  grace: 300,
};

export interface ConferenceEffectsHost {
  readonly isTrunk: boolean;
  /** Twilio was asked to add the model's leg, which does not ring yet. */
  readonly isDialing: boolean;
  /** The model's call, `rtc_…`; null while there is none. */
  readonly callId: string | null;
  /** The call is over and waits for transcripts. */
  readonly isMuted: boolean;
  /** Reports what has happened to the conference. */
  dispatch(input: ConferenceInput): void;
  /** Closes our connection to the model. */
  detached(): void;
}

/** Carries out what `conference-state.ts` decides. */
export class ConferenceEffects {
  readonly legs: ModelLegs;
  readonly requests: ConferenceRequests;
  readonly #call: CallContext;
  readonly #deps: SipPathDeps;
  readonly #host: CallPathHost;
  readonly #path: ConferenceEffectsHost;
  readonly #modelCalls: ModelCalls;
  readonly #timers: CallTimers<ConferenceTimer>;

  constructor(
    call: CallContext,
    deps: SipPathDeps,
    host: CallPathHost,
    path: ConferenceEffectsHost,
  ) {
    this.#call = call;
    this.#deps = deps;
    this.#host = host;
    this.#path = path;
    const tell = (input: ConferenceInput): void => path.dispatch(input);
    this.#timers = new CallTimers(call.deps.clock, (timer) => tell({ type: "timer", timer }));
    this.#modelCalls = new ModelCalls(call, deps.sip, host, tell);
    this.requests = new ConferenceRequests(call, deps, tell);
    this.legs = new ModelLegs(call, deps, {
      isAwaited: () => path.isDialing,
      failed: (code) => tell({ type: "add_failed", code }),
    });
  }

  carryOut(effect: ConferenceEffect): void {
    switch (effect.do) {
      case "arm":
        this.#timers.arm(effect.timer, TIMEOUT_MS[effect.timer]);
        return;
      case "disarm":
        this.#timers.disarm(effect.timer);
        return;
      case "add_leg":
        this.legs.dial();
        return;
      case "drop_legs":
        this.legs.dropAll();
        return;
      case "accept":
        this.#modelCalls.accept(effect.callId, effect.tries, effect.pauseMs);
        return;
      case "reject":
        this.#modelCalls.reject(effect.callId);
        return;
      case "attach":
        this.#host.dial(effect.callId, effect.conversation);
        return;
      case "detach":
        this.#path.detached();
        return;
      case "hang_up_model":
        this.#modelCalls.hangUp(effect.callId);
        return;
      case "hold":
        this.requests.hold(effect.on);
        return;
      case "store":
        this.#store();
        return;
      case "tell_caller_arrived":
        this.#host.callerArrived();
        return;
      case "tell_caller_returns":
        this.#host.dispatch({ type: "caller_returns" });
        return;
      case "tell_caller_gone":
        this.#host.dispatch({ type: "caller_gone" });
        return;
      case "tell_model_lost":
        this.#modelLost(effect.code, effect.retryable);
        return;
      case "tell_taken_elsewhere":
        this.#host.dispatch({ type: "moved" });
        return;
    }
  }

  #modelLost(code: ErrorCode, retryable: boolean): void {
    const { eventLog, deps } = this.#call;
    if (this.#path.isTrunk) {
      if (!this.#deps.referred(this.#call)) this.#host.dispatch({ type: "caller_gone" });
      return;
    }
    // After the end of the call it is normal that the model's leg ends.
    if (!this.#path.isMuted) {
      eventLog.note("model_gone", { code });
      deps.metrics.upstreamErrors.add(1, code);
    }
    this.#host.modelLost(code, retryable);
  }

  #store(): void {
    if (this.#path.isTrunk) return;
    const { parties, agent } = this.#call;
    const { callSid, from, to, callToken } = parties;
    const { callId } = this.#path;
    this.#deps.states?.keep(callSid, { agent: agent.name, from, to, callToken, callId });
  }

  stop(): void {
    this.#modelCalls.stop();
    this.#timers.disarmAll();
  }
}
