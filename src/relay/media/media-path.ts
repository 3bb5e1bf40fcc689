import { dtmfTones } from "../../codec/dtmf.js";
import { COMFORT_TONES } from "../../codec/tone.js";
import type { TurnDetection } from "../../domain/agent-profile.js";
import type { ItemId, StreamSid } from "../../domain/ids.js";
import type { PlaybackReport } from "../../playout/playout-ledger.js";
import type { Endpoint } from "../../vad/endpointer.js";
import type { Twiml } from "../../wire/twiml.js";
import type { ReleaseReason } from "../call/call-events.js";
import type { CallContext, CallPath, CallPathHost, PathFactory } from "../call/call-path.js";
import type { Heard } from "../call/reply-ledger.js";
import type {
  ModelSession,
  ModelSessionEvents,
  ResponseEnd,
  SessionFailure,
} from "../model/model-session.js";
import { AudioPath, type AudioPathEvents, isLocal } from "./audio-path.js";
import { CallListeners } from "./call-listeners.js";
import { CallerTurns } from "./caller-turns.js";
import type { TickTarget } from "./frame-ticker.js";
import { GreetingProtection } from "./greeting-protection.js";
import { HeardSound } from "./heard-sound.js";
import { Interruptions } from "./interruptions.js";
import type { LegOwner, MediaLeg, MediaLegEvents } from "./media-leg.js";
import { PlayoutMetrics } from "./playout-metrics.js";
import { TurnDetectionTuner } from "./turn-detection-tuner.js";

/** What becomes due by time alone, and is not audio, is looked at no more often. */
const SLOW_TICK_MS = 100;
/** A second loss so soon after a redial is not bad luck. */
const REDIAL_AGAIN_MS = 10_000;

/** What the TwiML that asks for a stream is made of. */
export interface StreamInvitation {
  /** With a fresh token. @param announcement  `<Say>` before the stream, or null. */
  twiml(context: CallContext, announcement: string | null): Twiml;
}

/** Makes calls whose audio the relay carries. */
export function mediaPaths(invitation: StreamInvitation): PathFactory<MediaPath> {
  return {
    name: "media-stream",
    recordable: true,
    create: (context, host) => new MediaPath(context, host, invitation),
  };
}

/**
 * The Media Streams path of one call. Caller frames go from the leg straight to the audio path, and
 * the model's audio from the session; what they drive besides comes here as ticks.
 */
export class MediaPath implements CallPath, MediaLegEvents, AudioPathEvents, TickTarget {
  readonly name = "media-stream";
  readonly isSupervisorHeard = true;
  readonly capabilities = {
    asksWhatFollows: true,
    keyTones: true,
    takeOver: true,
    typedTurns: true,
  };
  readonly agentIsHere = false;
  readonly audio: ModelSessionEvents["audio"];
  readonly #call: CallContext;
  readonly #host: CallPathHost;
  readonly #invitation: StreamInvitation;
  readonly #audio: AudioPath;
  readonly #tuner: TurnDetectionTuner;
  readonly #protection: GreetingProtection;
  readonly #interruptions: Interruptions;
  readonly #turns: CallerTurns;
  #leg: MediaLeg | null = null;
  /** The session that hears the caller. */
  #attached: ModelSession | null = null;
  #startedMs = 0;
  #hasSpoken = false;
  #redialledMs = Number.NEGATIVE_INFINITY;
  /** Of the ticker, while there is a stream. */
  #tickSlot = 0;
  #slowTickMs = Number.NEGATIVE_INFINITY;
  readonly #playoutMetrics: PlayoutMetrics;
  readonly #sound: HeardSound;
  readonly listeners: CallListeners;

  constructor(call: CallContext, host: CallPathHost, invitation: StreamInvitation) {
    const { agent, deps } = call;
    this.#call = call;
    this.#host = host;
    this.#invitation = invitation;
    this.#audio = new AudioPath(deps.pool, this, deps);
    this.audio = this.#audio.modelAudio.bind(this.#audio);
    this.#sound = new HeardSound(this.#audio);
    this.listeners = new CallListeners(this.#audio, deps.leadMs, call.eventLog);
    this.#playoutMetrics = new PlayoutMetrics(this.#audio.playout, deps.metrics);
    this.#tuner = new TurnDetectionTuner(agent);
    this.#protection = new GreetingProtection(
      agent.greeting === null ? 0 : agent.vad.greetingProtectionMs,
    );
    this.#interruptions = new Interruptions(call, host, this.#audio, this.#protection);
    this.#turns = new CallerTurns(call, host, this.#audio, this.#tuner, this.#interruptions);
  }

  get hasStream(): boolean {
    return this.#leg !== null;
  }

  get callerIsHere(): boolean {
    return this.#leg !== null;
  }

  get mayMove(): boolean {
    return this.#leg === null;
  }

  get #nowMs(): number {
    return this.#call.deps.clock.nowMs();
  }

  // --- the stream --------------------------------------------------------------------------------

  arrivalTwiml(say: boolean): Twiml {
    return this.#invitation.twiml(this.#call, say ? this.#host.announcement : null);
  }

  /**
   * The stream of this call is here and its token was good. Null: this call takes no stream now.
   */
  claim(leg: MediaLeg, streamSid: StreamSid): LegOwner | null {
    if (this.#leg !== null || !this.#host.expectsCaller) return null;
    const { tap, limits, deps, eventLog } = this.#call;
    this.#leg = leg;
    if (tap !== null) {
      tap.streamStarted(streamSid);
      leg.record(tap);
    }
    this.#startedMs = this.#nowMs;
    limits.started(this.#startedMs);
    this.#audio.connectLeg(leg);
    this.#tickSlot = deps.ticker.add(this);
    eventLog.streamStarted(streamSid);
    this.#host.callerArrived();
    return { frames: this.#audio, events: this, log: this.#call.log };
  }

  streamEnded(clean: boolean): void {
    this.#call.deps.ticker.remove(this);
    this.#leg = null;
    this.#interruptions.forget();
    for (const report of this.#audio.playout.disconnect(this.#nowMs)) this.#heard(report);
    this.#audio.disconnectLeg();
    this.#host.streamEnded(clean);
  }

  /** The end of the stream lets Twilio ask what follows; the answer hangs the caller up. */
  close(): void {
    this.#leg?.close();
  }

  drop(): void {
    this.#leg?.drop();
  }

  key(digit: string): void {
    this.#host.keys.pressed(digit);
  }

  markEchoed(generation: number, position: number): void {
    const nowMs = this.#nowMs;
    this.#audio.playout.marked(generation, position, nowMs);
    this.#settle(nowMs);
    this.#host.playbackMoved();
  }

  // --- the model's session -----------------------------------------------------------------------

  connect(again: boolean): void {
    if (again) this.#redialledMs = this.#nowMs;
    this.#host.dial(null, "new");
  }

  release(why: ReleaseReason): void {
    this.#host.closeSession();
    this.#detach();
    this.#audio.dropBacklog();
    if (why === "end") this.#audio.mute();
  }

  attach(session: ModelSession): void {
    if (this.#attached === session) return;
    this.#attached = session;
    this.#audio.connectSession(session);
  }

  #detach(): void {
    this.#attached = null;
    this.#audio.disconnectSession();
  }

  sessionLost({ code, retryable }: SessionFailure): void {
    const nowMs = this.#nowMs;
    this.#detach();
    // What is here of the sentence is played; no more of it will come.
    const { playout } = this.#audio;
    for (const { itemId } of playout.entries) playout.complete(itemId, nowMs);
    const again = nowMs - this.#redialledMs < REDIAL_AGAIN_MS;
    this.#host.modelLost(code, retryable && !again);
  }

  sessionUnavailable({ code }: SessionFailure): void {
    this.#host.modelUnavailable(code);
  }

  mute(): void {
    this.#attached = null;
    this.#audio.mute();
  }

  silenceModel(): void {
    this.#attached?.stopSpeaking(!this.isSilent(this.#nowMs));
    this.#interruptions.bySupervisor(this.#nowMs);
    this.#audio.mute();
    this.listeners.supervisorSpeaks(true);
  }

  restoreModel(done: () => void): void {
    this.#audio.unmute(this.#attached);
    this.listeners.supervisorSpeaks(false);
    done();
  }

  playVoice(ulaw: Uint8Array): void {
    this.#audio.playVoice(ulaw);
  }

  agentStaysDuring(): boolean {
    return false;
  }

  agentLeft(): void {}

  /** While the greeting is protected the server must not cut it either. */
  get turnDetection(): TurnDetection {
    const { turns } = this.#tuner;
    return this.#protection.isOver ? turns : { ...turns, interruptResponse: false };
  }

  // --- what the model says -----------------------------------------------------------------------

  audioDone(itemId: ItemId): void {
    this.#audio.playout.complete(itemId, this.#nowMs);
  }

  agentText(itemId: ItemId, text: string, final: boolean): void {
    const receivedMs = this.#audio.playout.receivedMs(itemId);
    this.#call.eventLog.agentText(itemId, text, final, receivedMs);
  }

  responseStarted(): void {}

  hasSpoken({ spoke }: ResponseEnd): boolean {
    return spoke;
  }

  playback(): void {}

  cut(): void {}

  audioArrived(): void {
    this.#call.eventLog.audioArrived();
  }

  speechBegan(itemId: ItemId): void {
    if (isLocal(itemId)) return;
    this.#tuner.agentSpoke(this.#audio.vad);
    if (!this.#hasSpoken) {
      this.#hasSpoken = true;
      const nowMs = this.#nowMs;
      this.#call.deps.metrics.firstAudio.observe((nowMs - this.#startedMs) / 1000);
      this.#protection.greetingBegan(nowMs);
    }
    this.#host.speechBegan(itemId);
  }

  // --- the caller's speech -----------------------------------------------------------------------

  callerSpeech(state: "started" | "stopped", itemId: ItemId, audioMs: number): void {
    this.#turns.heardByModel(state, itemId, audioMs, this.turnDetection, this.#nowMs);
  }

  callerTyped(itemId: ItemId): void {
    this.#turns.typed(itemId, this.#nowMs);
  }

  callerHeard(endpoint: Endpoint, nowMs: number): void {
    this.#turns.heardLocally(endpoint, nowMs);
  }

  // --- time --------------------------------------------------------------------------------------

  /** The caller's frames are the clock. */
  frameTick(nowMs: number): void {
    this.#call.deps.ticker.driven(this.#tickSlot, nowMs);
    this.#tick(nowMs);
  }

  /** The shared ticker only stands in for frames that do not come. */
  tick(nowMs: number): void {
    const { tap } = this.#call;
    if (tap === null) this.#standIn(nowMs);
    else tap.tick((atMs) => this.#standIn(atMs));
  }

  #standIn(nowMs: number): void {
    this.#call.deps.ticker.driven(this.#tickSlot, nowMs);
    this.#audio.tick(nowMs);
    this.#tick(nowMs);
  }

  #tick(nowMs: number): void {
    const { playout } = this.#audio;
    // A pause that comes to nothing must not last longer than it has to.
    if (playout.held) this.#interruptions.tick(nowMs);
    if (playout.entries.length > 0) this.#settle(nowMs);
    if (nowMs - this.#slowTickMs < SLOW_TICK_MS) return;
    this.#slowTickMs = nowMs;
    this.#interruptions.tick(nowMs);
    if (this.#protection.ends(nowMs))
      this.#host.session?.update({ turnDetection: this.turnDetection });
    this.#attached?.tick(nowMs);
    this.#host.tick(nowMs);
    this.#tune(nowMs);
    this.#playoutMetrics.sample(nowMs);
  }

  /** Closes the account of what was heard to its end. */
  #settle(nowMs: number): void {
    const { playout } = this.#audio;
    const { limits } = this.#call;
    for (
      let report = playout.takePlayed(nowMs);
      report !== undefined;
      report = playout.takePlayed(nowMs)
    ) {
      limits.agentActive(nowMs);
      this.#heard(report);
    }
    this.#playoutMetrics.countUnderruns();
  }

  #heard(report: PlaybackReport): void {
    if (!isLocal(report.itemId)) this.#call.eventLog.agentHeard(report, false);
  }

  /** Adjusts the server's turn detection to the line, between turns. */
  #tune(nowMs: number): void {
    const { session, isTalking } = this.#host;
    const mayChange = isTalking && session?.capabilities.tunesTurnDetection === true;
    const next = this.#tuner.look(nowMs, this.#audio.vad, mayChange);
    if (next === null) return;
    session?.update({ turnDetection: this.turnDetection });
    this.#call.eventLog.note("turn_detection_tuned", { ...next });
    this.#call.log.info("media: turn detection tuned", { ...next });
  }

  // --- what the caller hears ---------------------------------------------------------------------

  silence(): void {
    const reports = this.#audio.interrupt(this.#nowMs);
    if (reports !== null) for (const report of reports) this.#heard(report);
  }

  isSilent(nowMs: number): boolean {
    return this.#audio.playout.isSilent(nowMs);
  }

  isHeardOut(nowMs: number): boolean {
    return this.#audio.playout.isDrained(nowMs);
  }

  remainingMs(nowMs: number): number {
    return this.#sound.remainingMs(nowMs);
  }

  sendDtmf(digits: string): void {
    this.#audio.playLocal(dtmfTones(digits));
  }

  heard(nowMs: number): Heard {
    return this.#sound.look(nowMs);
  }

  playComfort(count: number, nowMs: number): void {
    const tone = COMFORT_TONES[count % COMFORT_TONES.length];
    if (tone !== undefined && this.isSilent(nowMs)) this.#audio.playLocal(tone);
  }

  stop(): void {
    this.#call.deps.ticker.remove(this);
    this.listeners.close();
  }
}
