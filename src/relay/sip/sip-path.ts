import type { Destination, TurnDetection } from "../../domain/agent-profile.js";
import { type ErrorCode, errorCodeOf } from "../../domain/errors.js";
import type { ItemId, ResponseId, StreamSid } from "../../domain/ids.js";
import type { TransferRequest } from "../../domain/transfer-request.js";
import type { Timer } from "../../ports/clock.js";
import type { SipControl } from "../../ports/model-rest.js";
import type { CallControl } from "../../ports/twilio.js";
import { conferenceName } from "../../transfer/conference-names.js";
import type { Twiml } from "../../wire/twiml.js";
import type { ReleaseReason } from "../call/call-events.js";
import type { CallContext, CallPath, CallPathHost, PathFactory } from "../call/call-path.js";
import { CallTimers } from "../call/call-timers.js";
import type { Heard } from "../call/reply-ledger.js";
import type { Form } from "../calls/call-service.js";
import { callbackUrl } from "../calls/callback-link.js";
import type { StreamTokens } from "../calls/stream-token.js";
import type { ModelSession, ResponseEnd, SessionFailure } from "../model/model-session.js";
import type {
  ConferenceEffect,
  ConferenceInput,
  ConferenceState,
  ConferenceTimer,
} from "./conference-events.js";
import { modelCallOf, newConference, step } from "./conference-state.js";
import { conferenceTwiml } from "./conference-twiml.js";
import { ModelCalls } from "./model-calls.js";
import { ModelLegs } from "./model-legs.js";
import { participantNews } from "./participant-news.js";
import { ServerPlayback } from "./playback.js";
import type { SipStates } from "./sip-states.js";

export interface SipPathDeps {
  readonly control: CallControl;
  readonly sip: SipControl;
  /** Tie the model's leg to the call for which it was dialled. */
  readonly tokens: StreamTokens;
  /** `proj_…`. */
  readonly projectId: string;
  /** `https://…` without a final slash. */
  readonly publicUrl: string;
  /** Null: a call dies with its process. */
  readonly states: SipStates | null;
  /** A trunk call's leg is gone. True: to where it was referred. */
  readonly referred: (call: CallContext) => boolean;
}

const PATIENCE_MS: Readonly<Record<ConferenceTimer, number>> = {
  /** From the TwiML: Twilio's participant-join callback. */
  join: 1_000,
  /** From dialling the model to its session. */
  model: 8_000,
  /** From the end of the model's leg: Twilio's news that the caller hung up. */
  grace: 300,
};
/** A session takes a longer pause between ticks for a stall of the process. */
const TICK_MS = 100;
/** The server may play later than the text shows. */
const PLAYBACK_SPARE_MS = 4_000;
/** From the request to the end of a short announcement in the conference. */
const COMFORT_MS = 2_500;

/** Makes calls whose audio goes from Twilio to the model directly. */
export function sipPaths(kind: ConferenceState["kind"], deps: SipPathDeps): PathFactory<SipPath> {
  return {
    name: "sip",
    recordable: false,
    create: (context, host) => new SipPath(context, host, kind, deps),
  };
}

/**
 * The SIP path of one call: brings caller and model together in a conference, or takes a call straight from a trunk, steers the model
 * by the session that is attached to its call, and knows what the server plays. Decisions are conference-state.ts's.
 */
export class SipPath implements CallPath {
  readonly name = "sip";
  readonly capabilities = { asksWhatFollows: false, keyTones: false };
  readonly hasStream = false;
  readonly #call: CallContext;
  readonly #host: CallPathHost;
  readonly #deps: SipPathDeps;
  readonly #legs: ModelLegs;
  readonly #modelCalls: ModelCalls;
  readonly #playback: ServerPlayback;
  readonly #timers: CallTimers<ConferenceTimer>;
  #state: ConferenceState;
  #tickTimer: Timer | null = null;
  #attached: ModelSession | null = null;
  #isMuted = false;
  /** Since when the session's audio clock runs. */
  #sessionSinceMs = 0;
  #turnStartedMs = 0;
  #soundUntilMs = Number.NEGATIVE_INFINITY;

  constructor(
    call: CallContext,
    host: CallPathHost,
    kind: ConferenceState["kind"],
    deps: SipPathDeps,
  ) {
    this.#call = call;
    this.#host = host;
    this.#deps = deps;
    this.#state = newConference(kind);
    const { clock } = call.deps;
    this.#playback = new ServerPlayback(
      call.eventLog,
      () => clock.nowMs(),
      (itemId) => host.speechBegan(itemId),
    );
    this.#timers = new CallTimers(clock, (timer) => this.#happened({ type: "timer", timer }));
    this.#legs = this.#newLegs();
    this.#modelCalls = new ModelCalls(
      deps.sip,
      () => host.profile,
      (input) => this.#happened(input),
      { clock, log: call.log, eventLog: call.eventLog },
    );
  }

  #newLegs(): ModelLegs {
    const { parties, deps, log, eventLog } = this.#call;
    const { control, tokens, projectId, publicUrl } = this.#deps;
    const waits = () => this.#state.model.name === "dialing";
    return new ModelLegs(
      parties,
      {
        get waits() {
          return waits();
        },
        failed: (code) => this.#happened({ type: "add_failed", code }),
        callerGone: () => this.#host.dispatch({ type: "caller_gone" }),
        note: (code) => eventLog.note("model_not_added", { code }),
      },
      {
        control,
        clock: deps.clock,
        log,
        tokens,
        projectId,
        url: (leg) =>
          leg === null
            ? callbackUrl(publicUrl, "/conference-events", {
                kind: "conference",
                call: parties.callSid,
              })
            : callbackUrl(publicUrl, "/call-status", {
                kind: "model_leg",
                call: parties.callSid,
                leg,
              }),
      },
    );
  }

  /** The model's call, `rtc_…`; null while there is none. */
  get callId(): string | null {
    return modelCallOf(this.#state);
  }

  get isTrunk(): boolean {
    return this.#state.kind === "trunk";
  }

  get callerIsHere(): boolean {
    return this.#state.callerIn;
  }

  get agentIsHere(): boolean {
    return this.callId !== null;
  }

  /** With a model of its own the call is where it belongs. */
  get mayMove(): boolean {
    return this.callId === null;
  }

  get turnDetection(): TurnDetection {
    return this.#call.agent.turnDetection;
  }

  get #nowMs(): number {
    return this.#call.deps.clock.nowMs();
  }

  // --- the caller -----------------------------------------------------------------------------------

  arrivalTwiml(say: boolean): Twiml {
    this.#happened({ type: "caller_expected", returns: !say });
    const announcement = say ? this.#host.announcement : null;
    return conferenceTwiml(this.#call, this.#deps.publicUrl, announcement);
  }

  close(how: "hang_up" | "stream_only"): void {
    if (how === "stream_only") return;
    const { callSid } = this.#call.parties;
    if (this.isTrunk) {
      this.#happened({ type: "release" });
      return;
    }
    this.#deps.control.hangUp(callSid).catch((error: unknown) => {
      if (errorCodeOf(error) === "caller_gone") return;
      this.#call.log.warn("sip: caller's leg not hung up", { code: errorCodeOf(error) }, error);
    });
  }

  drop(): void {}

  /** A callback about the conference. */
  conferenceEvent(form: Form): void {
    const news = participantNews(form, this.#call.parties.callSid);
    switch (news?.who) {
      case "caller":
        if (news.joined) this.#happened({ type: "caller_joined" });
        else this.#happened({ type: "caller_left", hungUp: news.hungUp });
        return;
      case "model":
        if (!news.joined && this.#legs.left(form)) this.#happened({ type: "leg_ended" });
        return;
      default:
        return;
    }
  }

  /** A status callback of the model's leg. */
  legStatus(form: Form, leg: number): void {
    if (this.#legs.status(form, leg)) this.#happened({ type: "leg_ended" });
  }

  // --- the model ------------------------------------------------------------------------------------

  /** The model's leg rings. `adopted`: the process that dialled it does not answer. */
  modelRings(callId: string, leg: number | null, adopted = false): void {
    const { model } = this.#state;
    if (leg !== null && (model.name === "dialing" || adopted)) this.#legs.take(leg);
    this.#happened({ type: "rings", callId, adopted });
    // Their process saw the caller of an adopted call arrive; a trunk's caller comes with the call.
    if (this.isTrunk) this.#host.callerArrived();
    else if (adopted) this.#happened({ type: "caller_joined" });
  }

  connect(again: boolean): void {
    this.#happened({ type: "call_model", again });
  }

  release(why: ReleaseReason): void {
    // The model stays in the conference until the caller has been taken out of it.
    // A trunk call has nothing but the model's leg: whatever follows goes by it.
    if (why === "transfer" || (why === "failure" && this.isTrunk)) return;
    this.#happened({ type: why === "end" ? "over" : "release" });
  }

  attach(session: ModelSession): void {
    if (this.#attached === session) return;
    const first = this.#attached === null && this.#tickTimer === null;
    this.#attached = session;
    this.#sessionSinceMs = this.#nowMs;
    if (first) {
      const { eventLog, limits } = this.#call;
      eventLog.streamStarted((this.callId ?? "") as StreamSid);
      limits.started(this.#nowMs);
      this.#tickOn();
    }
    this.#happened({ type: "session_ready" });
  }

  sessionLost({ code, retryable }: SessionFailure): void {
    this.#attached = null;
    if (this.#isMuted) this.#host.modelLost(code, false);
    else this.#happened({ type: "session_lost", code, retryable });
  }

  sessionUnavailable({ code }: SessionFailure): void {
    this.#happened({ type: "session_unavailable", code });
  }

  mute(): void {
    this.#isMuted = true;
    this.#playback.interrupted();
  }

  agentStaysDuring({ destination: name }: TransferRequest): boolean {
    const destination: Destination | undefined = this.#call.agent.transfer.destinations.get(name);
    return !this.isTrunk && this.callId !== null && destination?.kind === "warm";
  }

  agentLeft(): void {
    this.#happened({ type: "agent_left" });
  }

  #happened(input: ConferenceInput): void {
    const { state, effects } = step(this.#state, input, this.#nowMs);
    this.#state = state;
    for (const effect of effects) this.#carryOut(effect);
  }

  #carryOut(effect: ConferenceEffect): void {
    switch (effect.do) {
      case "arm":
        this.#timers.arm(effect.timer, PATIENCE_MS[effect.timer]);
        return;
      case "disarm":
        this.#timers.disarm(effect.timer);
        return;
      case "add_leg":
        this.#legs.dial();
        return;
      case "drop_legs":
        this.#legs.dropAll();
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
        this.#attached = null;
        this.#host.closeSession();
        this.#playback.interrupted();
        this.#host.playbackMoved();
        return;
      case "hang_up_model":
        this.#modelCalls.hangUp(effect.callId);
        return;
      case "hold":
        this.#hold(effect.on);
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
    if (this.isTrunk) {
      if (!this.#deps.referred(this.#call)) this.#host.dispatch({ type: "caller_gone" });
      return;
    }
    eventLog.note("model_gone", { code });
    deps.metrics.upstreamErrors.add(1, code);
    this.#host.modelLost(code, retryable);
  }

  #hold(on: boolean): void {
    const { parties, log } = this.#call;
    this.#deps.control
      .updateParticipant(conferenceName(parties), parties.callSid, { hold: on })
      .then(
        () => this.#happened({ type: "hold_done", callerGone: false }),
        (error: unknown) => {
          const code = errorCodeOf(error);
          if (code !== "caller_gone") log.warn("sip: hold not changed", { code, hold: on }, error);
          this.#happened({ type: "hold_done", callerGone: code === "caller_gone" });
        },
      );
  }

  #store(): void {
    if (this.isTrunk) return;
    const { parties, agent } = this.#call;
    const { callSid, from, to, callToken } = parties;
    const { callId } = this;
    this.#deps.states?.keep(callSid, { agent: agent.name, from, to, callToken, callId });
  }

  // --- what the model says --------------------------------------------------------------------------

  /** The relay carries no audio on this path. */
  readonly audio = (): void => {};

  audioDone(): void {}

  agentText(itemId: ItemId, text: string, final: boolean): void {
    this.#playback.text(itemId, text, final);
  }

  callerSpeech(state: "started" | "stopped", itemId: ItemId, audioMs: number): void {
    const nowMs = this.#nowMs;
    const { eventLog } = this.#call;
    if (state === "started") {
      this.#turnStartedMs = Math.min(nowMs, this.#sessionSinceMs + audioMs);
      eventLog.callerSpoke(itemId, this.#turnStartedMs, null);
    } else eventLog.callerSpoke(itemId, this.#turnStartedMs, nowMs);
  }

  responseStarted(responseId: ResponseId): void {
    this.#playback.responseStarted(responseId);
  }

  /** The sound of a response is not seen here; its text is. */
  hasSpoken(_end: ResponseEnd): boolean {
    return this.#playback.isPending;
  }

  playback(what: "started" | "stopped" | "cleared", responseId: ResponseId | null): void {
    switch (what) {
      case "started":
        this.#playback.began(responseId);
        return;
      case "stopped":
        this.#playback.heardOut(responseId);
        return;
      case "cleared":
        this.#playback.interrupted();
        this.#call.deps.metrics.bargeIns.add(1, this.#call.agent.name, "model");
    }
  }

  cut(itemId: ItemId, heardMs: number): void {
    this.#playback.cut(itemId, heardMs);
  }

  silence(): void {}

  isSilent(): boolean {
    return !this.#playback.isPlaying;
  }

  isHeardOut(): boolean {
    return !this.#playback.isPlaying && !this.#playback.isPending;
  }

  remainingMs(nowMs: number): number {
    return this.#playback.remainingMs(nowMs) + PLAYBACK_SPARE_MS;
  }

  sendDtmf(): void {}

  heard(nowMs: number): Heard {
    // Without a model the conference plays music.
    if (!this.isSilent() || this.callId === null) this.#soundUntilMs = nowMs;
    return { soundUntilMs: this.#soundUntilMs, silentSinceMs: null };
  }

  /** The audio is not the relay's, so Twilio speaks into the conference. */
  playComfort(_count: number, nowMs: number): void {
    const { callSid } = this.#call.parties;
    if (this.isTrunk || !this.isSilent()) return;
    const announceUrl = callbackUrl(this.#deps.publicUrl, "/transfer-status", {
      kind: "comfort",
      call: callSid,
      language: this.#host.language,
    });
    // Until it has been heard; a tone would be shorter.
    this.#soundUntilMs = nowMs + COMFORT_MS;
    this.#deps.control
      .updateParticipant(conferenceName(this.#call.parties), callSid, { announceUrl })
      .catch((error: unknown) => {
        if (errorCodeOf(error) === "caller_gone") return;
        this.#call.log.warn(
          "sip: no comfort for a caller who waits",
          { code: errorCodeOf(error) },
          error,
        );
      });
  }

  // --- time -----------------------------------------------------------------------------------------

  #tickOn(): void {
    this.#tickTimer = this.#call.deps.clock.after(TICK_MS, () => {
      this.#tickOn();
      const nowMs = this.#nowMs;
      this.#attached?.tick(nowMs);
      this.#host.tick(nowMs);
    });
  }

  stop(): void {
    this.#tickTimer?.cancel();
    this.#modelCalls.stop();
    this.#timers.disarmAll();
  }
}
