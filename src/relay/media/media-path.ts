import { dtmfTones } from "../../codec/dtmf.js";
import { COMFORT_TONES } from "../../codec/tone.js";
import type { TurnDetection } from "../../domain/agent-profile.js";
import type { ItemId, StreamSid } from "../../domain/ids.js";
import type { PlaybackReport } from "../../playout/playout-ledger.js";
import type { Endpoint } from "../../vad/endpointer.js";
import type { Twiml } from "../../wire/twiml.js";
import type { ReleaseReason } from "../call/call-events.js";
import type { CallContext, CallPath, CallPathHost, PathFactory } from "../call/call-path.js";
import type { Heard } from "../call/missed-end.js";
import type {
  ModelSession,
  ModelSessionEvents,
  ResponseEnd,
  SessionFailure,
} from "../model/model-session.js";
import { AudioPath, type AudioPathEvents, isLocal } from "./audio-path.js";
import { CallListeners } from "./call-listeners.js";
import { CallerTurns } from "./caller-turns.js";
import type { FrameTicker, TickTarget } from "./frame-ticker.js";
import { GreetingProtection } from "./greeting-protection.js";
import { HeardSound } from "./heard-sound.js";
import { Interruptions } from "./interruptions.js";
import type { LegOwner, MediaLeg, MediaLegEvents } from "./media-leg.js";
import { PlayoutMetrics } from "./playout-metrics.js";
import { TurnDetectionTuner } from "./turn-detection-tuner.js";

/** How often everything that is due by time alone is done, except for audio. */
const SLOW_TICK_MS = 100;
/** From a redial: a session that is lost again within this is not replaced once more. */
const REDIAL_AGAIN_MS = 10_000;

/** Makes the TwiML that asks Twilio for a stream. */
export interface StreamInvitation {
  /** With a new stream token. @param announcement  `<Say>` before the stream, or null. */
  twiml(context: CallContext, announcement: string | null): Twiml;
}

/** The factory of paths of calls whose audio the relay carries. */
export function mediaPaths(invitation: StreamInvitation): PathFactory<MediaPath> {
  return {
    name: "media-stream",
    recordable: true,
    create: (context, host) => new MediaPath(context, host, invitation),
  };
}

/**
 * The Media Streams path of one call. Audio does not pass through this class: caller frames go from
 * the leg straight to `AudioPath`, as does the model's audio from the session. Ticks, marks and the
 * borders of speech come here.
 */
export class MediaPath implements CallPath, MediaLegEvents, AudioPathEvents, TickTarget {
  // What every caller frame needs comes first, in one line of the processor's cache.
  readonly #ticker: FrameTicker;
  /** This call's, while there is a stream. */
  #tickSlot = 0;
  readonly #audio: AudioPath;
  /** When the next slow tick is due: a whole number, which needs no memory of its own. */
  #slowTickMs = 0;
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
  readonly #playoutMetrics: PlayoutMetrics;
  readonly #sound: HeardSound;
  readonly listeners: CallListeners;

  constructor(call: CallContext, host: CallPathHost, invitation: StreamInvitation) {
    const { agent, deps } = call;
    this.#call = call;
    this.#host = host;
    this.#invitation = invitation;
    this.#ticker = deps.ticker;
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

  /** Takes a stream with a valid token of this call. Null: the call expects no stream now. */
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
    this.#ticker.remove(this);
    this.#leg = null;
    this.#interruptions.forget();
    for (const report of this.#audio.playout.disconnect(this.#nowMs)) this.#heard(report);
    this.#audio.disconnectLeg();
    this.#host.streamEnded(clean);
  }

  /** Ends the stream, so that Twilio asks what follows. To hang up is the answer to that. */
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
    // The part of the sentence that has arrived is still played; no more will come.
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

  /** While the greeting is protected, the server must not interrupt it either. */
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

  responseDone({ spoke }: ResponseEnd): boolean {
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

  /** The caller's frames are the clock of this call. */
  frameTick(nowMs: number): void {
    this.#ticker.driven(this.#tickSlot, nowMs);
    this.#tick(nowMs);
  }

  /** Called by the shared ticker while no caller frames come. */
  tick(nowMs: number): void {
    const { tap } = this.#call;
    if (tap === null) this.#standIn(nowMs);
    else tap.tick((atMs) => this.#standIn(atMs));
  }

  #standIn(nowMs: number): void {
    this.#ticker.driven(this.#tickSlot, nowMs);
    this.#audio.tick(nowMs);
    this.#tick(nowMs);
  }

  #tick(nowMs: number): void {
    const { playout } = this.#audio;
    // An unconfirmed pause must end as soon as its time is over.
    if (playout.held) this.#interruptions.tick(nowMs);
    if (playout.hasItems) this.#settle(nowMs);
    if (nowMs < this.#slowTickMs) return;
    this.#slowTickMs = Math.floor(nowMs + SLOW_TICK_MS);
    this.#interruptions.tick(nowMs);
    if (this.#protection.ends(nowMs))
      this.#host.session?.update({ turnDetection: this.turnDetection });
    this.#attached?.tick(nowMs);
    this.#host.tick(nowMs);
    this.#tune(nowMs);
    this.#playoutMetrics.sample(nowMs);
  }

  /** Writes each item that was heard to its end to the record. */
  #settle(nowMs: number): void {
    const { playout } = this.#audio;
    for (let report = playout.takePlayed(nowMs); report; report = playout.takePlayed(nowMs)) {
      this.#call.limits.agentActive(nowMs);
      this.#heard(report);
    }
    this.#playoutMetrics.countUnderruns();
  }

  #heard(report: PlaybackReport): void {
    if (!isLocal(report.itemId)) this.#call.eventLog.agentHeard(report, false);
  }

  /** Adjusts the server's turn detection to the line. Changes nothing in the middle of a turn. */
  #tune(nowMs: number): void {
    const { session, isTalking } = this.#host;
    const mayChange = isTalking && session?.capabilities.tunesTurnDetection === true;
    const next = this.#tuner.check(nowMs, this.#audio.vad, mayChange);
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
    return this.#sound.at(nowMs);
  }

  playComfort(count: number, nowMs: number): void {
    const tone = COMFORT_TONES[count % COMFORT_TONES.length];
    if (tone !== undefined && this.isSilent(nowMs)) this.#audio.playLocal(tone);
  }

  stop(): void {
    this.#ticker.remove(this);
    this.listeners.close();
  }
}
