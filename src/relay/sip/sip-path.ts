import type { TurnDetection } from "../../domain/agent-profile.js";
import type { ItemId, ResponseId, StreamSid } from "../../domain/ids.js";
import type { TransferRequest } from "../../domain/transfer-request.js";
import type { Timer } from "../../ports/clock.js";
import { consultTimeoutS } from "../../transfer/destinations/kinds.js";
import type { Twiml } from "../../wire/twiml.js";
import type { ReleaseReason } from "../call/call-events.js";
import type {
  CallContext,
  CallPath,
  CallPathHost,
  PathCapabilities,
  PathFactory,
} from "../call/call-path.js";
import type { Heard } from "../call/missed-end.js";
import type { Form } from "../calls/callback-link.js";
import { CallListeners } from "../media/call-listeners.js";
import type { ModelSession, ResponseEnd, SessionFailure } from "../model/model-session.js";
import { type CallerFork, callerForkOf } from "./caller-fork.js";
import {
  ConferenceEffects,
  type ConferenceEffectsHost,
  type SipPathDeps,
} from "./conference-effects.js";
import type { ConferenceInput, ConferenceState } from "./conference-events.js";
import { modelCallOf, newConference, step } from "./conference-state.js";
import { conferenceTwiml } from "./conference-twiml.js";
import { participantNews } from "./participant-news.js";
import { ServerPlayback } from "./playback.js";
import { SipTakeover } from "./sip-takeover.js";
import { UnheardTurn } from "./unheard-turn.js";

/** Between two ticks. A session takes a much longer gap for a process stall. */
const TICK_MS = 100;
/** How much later than its text shows the server may play, in ms. */
const PLAYBACK_SPARE_MS = 4_000;

/** The factory of paths of calls whose audio goes from Twilio to the model directly. */
export function sipPaths(kind: ConferenceState["kind"], deps: SipPathDeps): PathFactory<SipPath> {
  return {
    name: "sip",
    recordable: false,
    create: (context, host) => new SipPath(context, host, kind, deps),
  };
}

/**
 * The SIP path of one call: brings caller and model together in a conference, or takes a call
 * straight from a trunk. It controls the model by a session that is attached to the model's call,
 * and keeps account of what the server plays. `conference-state.ts` decides.
 */
export class SipPath implements CallPath, ConferenceEffectsHost {
  readonly name = "sip";
  readonly listeners: CallListeners | null;
  /** Null for a trunk: Twilio knows no call that could be listened to. */
  readonly fork: CallerFork | null;
  /** Null: no supervisor can speak to the caller. */
  readonly takeover: SipTakeover | null;
  readonly capabilities: PathCapabilities;
  readonly hasStream = false;
  readonly #call: CallContext;
  readonly #host: CallPathHost;
  readonly #publicUrl: string;
  readonly #effects: ConferenceEffects;
  readonly #playback: ServerPlayback;
  #state: ConferenceState;
  #tickTimer: Timer | null = null;
  #attached: ModelSession | null = null;
  #isMuted = false;
  /** When the session's audio clock started. */
  #sessionSinceMs = 0;
  #turnStartedMs = 0;
  readonly #turn = new UnheardTurn();
  #soundUntilMs = Number.NEGATIVE_INFINITY;

  constructor(
    call: CallContext,
    host: CallPathHost,
    kind: ConferenceState["kind"],
    deps: SipPathDeps,
  ) {
    this.#call = call;
    this.#host = host;
    this.#publicUrl = deps.publicUrl;
    this.#state = newConference(kind);
    const { clock } = call.deps;
    this.#playback = new ServerPlayback(
      call.eventLog,
      () => clock.nowMs(),
      (itemId) => host.speechBegan(itemId),
    );
    this.#effects = new ConferenceEffects(call, deps, host, this);
    this.fork = kind === "trunk" ? null : callerForkOf(call, deps, () => this.listeners?.fail());
    this.listeners = this.fork === null ? null : new CallListeners(this.fork, 0, call.eventLog);
    this.takeover = kind === "trunk" ? null : this.#newTakeover(deps);
    this.capabilities = {
      asksWhatFollows: false,
      keyTones: false,
      takeOver: this.takeover !== null,
      typedTurns: false,
    };
  }

  #newTakeover(deps: SipPathDeps): SipTakeover | null {
    const { control, mediaUrl, publicUrl, streamTokens: tokens, supervisorAppSid: appSid } = deps;
    if (appSid === null) return null;
    return new SipTakeover(this.#call, {
      ...{ control, mediaUrl, publicUrl, tokens, appSid },
      heard: () => this.#supervisorHeard(),
      failed: () => void this.#host.takeover.handBack("no_line", null),
      modelStuck: () => this.dispatch({ type: "leg_ended" }),
    });
  }

  /** The model's call, `rtc_…`; null while there is none. */
  get callId(): string | null {
    return modelCallOf(this.#state);
  }

  /** Twilio was asked to add the model's leg, which does not ring yet. */
  get isDialing(): boolean {
    return this.#state.model.name === "dialing";
  }

  get isTrunk(): boolean {
    return this.#state.kind === "trunk";
  }

  get isMuted(): boolean {
    return this.#isMuted;
  }

  get callerIsHere(): boolean {
    return this.#state.callerIn;
  }

  get agentIsHere(): boolean {
    return this.callId !== null;
  }

  /** A call whose model answers to this process stays here. */
  get mayMove(): boolean {
    return this.callId === null;
  }

  get turnDetection(): TurnDetection {
    return this.#call.agent.turnDetection;
  }

  get #nowMs(): number {
    return this.#call.deps.clock.nowMs();
  }

  // --- the caller --------------------------------------------------------------------------------

  arrivalTwiml(say: boolean): Twiml {
    this.dispatch({ type: "caller_expected", returns: !say });
    const announcement = say ? this.#host.announcement : null;
    return conferenceTwiml(this.#call, this.#publicUrl, announcement);
  }

  close(how: "hang_up" | "stream_only"): void {
    if (how === "stream_only") return;
    if (this.isTrunk) this.dispatch({ type: "release" });
    else this.#effects.requests.hangUpCaller();
  }

  drop(): void {}

  /** Handles a status callback of the conference. */
  conferenceEvent(form: Form): void {
    const news = participantNews(form, this.#call.parties.callSid);
    switch (news?.who) {
      case "caller":
        if (news.joined) this.dispatch({ type: "caller_joined" });
        else this.dispatch({ type: "caller_left", hungUp: news.hungUp });
        return;
      case "model":
        if (news.joined) this.takeover?.modelCame();
        else if (this.#effects.legs.left(form)) this.dispatch({ type: "leg_ended" });
        return;
      default:
        return;
    }
  }

  /** Handles a status callback of the model's leg. */
  legStatus(form: Form, leg: number): void {
    if (this.#effects.legs.status(form, leg)) this.dispatch({ type: "leg_ended" });
  }

  // --- the model ---------------------------------------------------------------------------------

  /** The model's leg rings. `adopted`: the process that dialled it does not answer. */
  modelRings(callId: string, leg: number | null, adopted = false): void {
    const { model } = this.#state;
    if (leg !== null && (model.name === "dialing" || adopted)) this.#effects.legs.take(leg);
    this.dispatch({ type: "rings", callId, adopted });
    // A trunk's caller arrives with the call. An adopted call's caller arrived before.
    if (this.isTrunk) this.#host.callerArrived();
    else if (adopted) this.dispatch({ type: "caller_joined" });
  }

  connect(again: boolean): void {
    this.dispatch({ type: "call_model", again });
  }

  release(why: ReleaseReason): void {
    // The model stays in the conference until the caller has been taken out of it. A trunk call has
    // only the model's leg, so everything that follows needs it.
    if (why === "transfer" || (why === "failure" && this.isTrunk)) return;
    this.dispatch({ type: why === "end" ? "over" : "release" });
  }

  attach(session: ModelSession): void {
    if (this.#attached === session) return;
    const first = this.#attached === null && this.#tickTimer === null;
    this.#attached = session;
    this.#sessionSinceMs = this.#nowMs;
    this.#turn.reported(false, this.#nowMs);
    if (first) {
      const { eventLog, limits } = this.#call;
      eventLog.streamStarted((this.callId ?? "") as StreamSid);
      limits.started(this.#nowMs);
      this.#tickOn();
    }
    this.takeover?.modelCame();
    this.dispatch({ type: "session_ready" });
  }

  sessionLost({ code, retryable }: SessionFailure): void {
    this.#attached = null;
    if (this.isMuted) this.#host.modelLost(code, false);
    else this.dispatch({ type: "session_lost", code, retryable });
  }

  sessionUnavailable({ code }: SessionFailure): void {
    this.dispatch({ type: "session_unavailable", code });
  }

  mute(): void {
    this.#isMuted = true;
    this.#playback.interrupted();
  }

  /** Connects the supervisor. The model is silenced once the caller hears them. */
  silenceModel(): void {
    this.takeover?.begin();
  }

  #supervisorHeard(): void {
    this.#attached?.stopSpeaking(!this.isSilent(this.#nowMs));
    this.#playback.interrupted();
    this.listeners?.supervisorSpeaks(true);
    this.dispatch({ type: "supervisor", speaks: true });
  }

  get isSupervisorHeard(): boolean {
    return this.takeover?.isHeard ?? false;
  }

  restoreModel(done: () => void): void {
    this.listeners?.supervisorSpeaks(false);
    this.dispatch({ type: "supervisor", speaks: false });
    this.takeover?.end(done);
  }

  playVoice(ulaw: Uint8Array): void {
    this.takeover?.line.play(ulaw);
  }

  agentStaysDuring({ destination: name }: TransferRequest): boolean {
    const destination = this.#call.agent.transfer.destinations.get(name);
    if (destination === undefined || consultTimeoutS(destination) === null) return false;
    return !this.isTrunk && this.callId !== null;
  }

  agentLeft(): void {
    this.dispatch({ type: "agent_left" });
  }

  /** Reports what has happened; `step` decides what follows. */
  dispatch(input: ConferenceInput): void {
    const { state, effects } = step(this.#state, input, this.#nowMs);
    this.#state = state;
    for (const effect of effects) this.#effects.carryOut(effect);
  }

  /** Closes the session. The caller hears nothing of what the server still had to play. */
  detached(): void {
    this.#attached = null;
    this.takeover?.modelGone();
    this.#host.closeSession();
    this.#playback.interrupted();
    this.#host.playbackMoved();
  }

  // --- what the model says -----------------------------------------------------------------------

  /** The relay carries no audio on this path, and needs none. */
  readonly audio: CallPath["audio"] = ({ itemId }) => this.#playback.sound(itemId);

  audioDone(): void {}

  agentText(itemId: ItemId, text: string, final: boolean): void {
    this.#playback.text(itemId, text, final);
  }

  callerSpeech(state: "started" | "stopped", itemId: ItemId, audioMs: number): void {
    const nowMs = this.#nowMs;
    const { eventLog } = this.#call;
    this.#turn.reported(state === "started", nowMs);
    if (state === "started") {
      this.#playback.callerSpoke();
      this.#turnStartedMs = Math.min(nowMs, this.#sessionSinceMs + audioMs);
      eventLog.callerSpoke(itemId, this.#turnStartedMs, null);
    } else eventLog.callerSpoke(itemId, this.#turnStartedMs, nowMs);
  }

  callerTyped(): void {}

  responseStarted(responseId: ResponseId): void {
    this.#playback.responseStarted(responseId);
    this.#turn.overruled();
    // Twilio has not put the model on hold yet, so it still answers caller or supervisor.
    if (this.takeover?.isHeard === true) this.#attached?.stopSpeaking();
  }

  /** The relay does not see the sound of a response, but its text. */
  responseDone(end: ResponseEnd): boolean {
    return this.#playback.responseDone(end);
  }

  playback(what: "started" | "stopped" | "cleared", responseId: ResponseId | null): void {
    this.#playback.happened(what, responseId);
    if (what !== "cleared" || this.takeover?.isHeard === true) return;
    this.#call.deps.metrics.bargeIns.add(1, this.#call.agent.name, "model");
  }

  cut(itemId: ItemId, heardMs: number): void {
    this.#playback.cut(itemId, heardMs);
  }

  silence(): void {}

  isSilent(nowMs: number): boolean {
    return !this.#playback.isAudible(nowMs);
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
    if (!this.isSilent(nowMs) || this.callId === null) {
      this.#soundUntilMs = nowMs;
      this.#turn.sounds(nowMs);
    }
    return { soundUntilMs: this.#soundUntilMs, silentSinceMs: this.#turn.silentSinceMs(nowMs) };
  }

  playComfort(_count: number, nowMs: number): void {
    if (this.isTrunk || !this.isSilent(nowMs)) return;
    this.#soundUntilMs = nowMs + this.#effects.requests.comfort(this.#host.language);
  }

  // --- time --------------------------------------------------------------------------------------

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
    this.fork?.close();
    this.takeover?.close();
    this.listeners?.close();
    this.#effects.stop();
  }
}
