import { dtmfTones, isDtmf } from "../../codec/dtmf.js";
import { WAITING_TONE } from "../../codec/tone.js";
import type { AgentProfile, TurnDetection } from "../../domain/agent-profile.js";
import type { CallParties } from "../../domain/call-parties.js";
import { assertNever } from "../../domain/errors.js";
import type { ItemId, ResponseId, StreamSid } from "../../domain/ids.js";
import { needsCaller } from "../../domain/placeholders.js";
import type { TokenUsage } from "../../domain/record-event.js";
import type { PlaybackReport } from "../../playout/playout-ledger.js";
import type { Timer } from "../../ports/clock.js";
import type { CallerProfile } from "../../ports/crm.js";
import type { Log } from "../../ports/log.js";
import { CallRecorder } from "../../recorder/call-recorder.js";
import type { Endpoint } from "../../vad/endpointer.js";
import type { CallHandoff } from "../calls/cluster.js";
import { AudioPath, type AudioPathEvents, isLocal } from "../media/audio-path.js";
import { BargeIn } from "../media/barge-in.js";
import type { TickTarget } from "../media/frame-ticker.js";
import type { MediaLeg, MediaLegEvents } from "../media/media-leg.js";
import { TurnDetectionTuner } from "../media/turn-detection-tuner.js";
import { ModelDialer, type ModelDialerHost } from "../model/model-dialer.js";
import {
  type HistoryItem,
  type McpCall,
  type McpCallEnd,
  type ModelSession,
  type ModelSessionEvents,
  type ModelSessionLifecycle,
  RELAYED_AUDIO,
  type ResponseEnd,
  type SessionFailure,
  type SessionPart,
  type SessionProfile,
  type SpeechItem,
} from "../model/model-session.js";
import { CallBudget } from "./call-budget.js";
import type { CallDeps, CallHost } from "./call-deps.js";
import { CallEventLog } from "./call-event-log.js";
import {
  type CallEvent,
  type CallState,
  type CallTimer,
  type Disposition,
  type Effect,
  OFFERED,
  step,
} from "./call-state.js";
import type { CallTools, ToolHost } from "./call-tools.js";
import { DtmfCollector } from "./dtmf-collector.js";
import { recordMcpCall } from "./mcp-call-record.js";
import * as prompts from "./prompts.js";
import { type CallFacts, callerNumber, fillText, sessionInstructions } from "./session-facts.js";

/** An unclaimed warm session is closed after this (promise S1). */
const CLAIM_MS = 10_000;
/** A stream that was promised to Twilio comes within this, `<Say>` included, or never. */
const ARRIVAL_MS = 120_000;
/** After a stream broke, Twilio asks what follows within its webhook time-outs. */
const RETURN_MS = 30_000;
/** A caller who hears nothing for so long thinks that the line is dead. */
const WAITING_MS = 1_500;
/** A farewell is awaited this long beyond what already waits to be heard, and no longer than the most. */
const FAREWELL_MS = 8_000;
const FAREWELL_MOST_MS = 30_000;
/** A frame is 20 ms; one that is so late is not waited for. */
const BEAT_MISSED_MS = 30;
/** Limits and the line's noise need no more than this. */
const SLOW_BEAT_MS = 100;
/** Speech this long is more than a cough: a model that lives says something about it. */
const UTTERANCE_MS = 400;
/** A second loss so soon after a redial is not bad luck. */
const REDIAL_AGAIN_MS = 10_000;

/**
 * One Twilio call, from its webhook to its end: owns its stream, its session, its audio and its timers. Decisions
 * are `step`'s (call-state.ts); this carries them out.
 */
export class Call
  implements
    MediaLegEvents,
    ModelSessionEvents,
    ModelDialerHost,
    AudioPathEvents,
    TickTarget,
    ToolHost
{
  readonly path = "media-stream";
  readonly parties: CallParties;
  readonly agent: AgentProfile;
  readonly eventLog: CallEventLog;
  readonly log: Log;

  readonly #host: CallHost<Call>;
  readonly #deps: CallDeps;
  /** Null: it is not recorded. */
  readonly #flight: CallRecorder | null;
  readonly #audio: AudioPath;
  readonly #upstream: ModelDialer;
  readonly #tools: CallTools;
  readonly #keypad: DtmfCollector;
  readonly #timers = new Map<CallTimer, Timer>();
  #state: CallState = OFFERED;
  #leg: MediaLeg | null = null;
  #streamStartedMs = 0;
  #spokeYet = false;
  /** The model owes the caller something: if its session is lost now, the next one must speak. */
  #owesAnswer = false;
  #redialledMs = Number.NEGATIVE_INFINITY;
  #callerTurnStartedMs = 0;
  readonly #account: CallBudget;
  #beatMs = Number.NEGATIVE_INFINITY;
  #slowBeatMs = Number.NEGATIVE_INFINITY;
  readonly #barge: BargeIn;
  readonly #fitting: TurnDetectionTuner;
  /** The caller cannot interrupt before this; null: the greeting has not begun. */
  #protectedUntilMs: number | null = Number.NEGATIVE_INFINITY;
  #underrunsCounted = 0;
  /** As Twilio's detection says, for a call that was placed; null: it has not said. */
  #answeredBy: string | null = null;
  #recognising = false;
  #greetingWaits = false;
  #facts: string | null = null;
  /** Fields of the caller look-up's answer, for placeholders. */
  #callerFields: Readonly<Record<string, string>> = {};
  /** The language that the session was opened in. */
  #openedIn: string;
  /** Whether the session was opened before the look-up answered, though its instructions name the caller. */
  #openedUnrecognised = false;
  #language: string;
  /** By the tool or by the caller look-up; until then the agent's own instructions hold. */
  #languageChosen = false;

  constructor(parties: CallParties, agent: AgentProfile, host: CallHost<Call>, given: CallDeps) {
    this.parties = parties;
    this.agent = agent;
    const sink = given.flights?.record(parties, agent) ?? null;
    const flight =
      sink === null
        ? null
        : new CallRecorder(sink, parties, agent, given.flights?.version ?? "", given);
    const deps = flight?.deps(given) ?? given;
    this.#flight = flight;
    this.#host = flight?.host(host) ?? host;
    this.#deps = deps;
    const { clock, metrics } = deps;
    this.log = deps.log.child({ callSid: parties.callSid, agent: agent.name });
    this.#openedIn = agent.language;
    this.#language = agent.language;
    const openedEpochMs = parties.openedEpochMs ?? clock.epochMs();
    const openedMs = clock.nowMs() - Math.max(0, clock.epochMs() - openedEpochMs);
    this.eventLog = new CallEventLog(parties.callSid, deps.journal, () => clock.nowMs(), openedMs);
    this.#account = new CallBudget(agent, this.eventLog, this.log, deps);
    this.#audio = new AudioPath(deps.pool, this, deps);
    this.#barge = new BargeIn(agent.vad.confirmMs);
    this.#fitting = new TurnDetectionTuner(agent);
    if (agent.greeting !== null && agent.vad.greetingProtectionMs > 0)
      this.#protectedUntilMs = null;
    this.#upstream = new ModelDialer(this, { clock, metrics, timeoutMs: deps.upstreamTimeoutMs });
    this.#tools = deps.tools(this);
    this.#keypad = new DtmfCollector(clock, (digits) => this.#typed(digits));
    this.eventLog.write({
      type: "opened",
      epochMs: openedEpochMs,
      agent: agent.name,
      direction: parties.direction,
      from: parties.from,
      to: parties.to,
      path: "media-stream",
      node: deps.node,
    });
    this.#arm("arrival");
  }

  get state(): CallState {
    return this.#state;
  }

  get language(): string {
    return this.#language;
  }

  get hasStream(): boolean {
    return this.#leg !== null;
  }

  /** Ends our side of the stream: Twilio asks what follows. */
  closeStream(): void {
    this.#flight?.ordered({ order: "close_stream" });
    this.#leg?.close();
  }

  /** Twilio says that the stream is over before its socket does: what it still sends is nobody's. */
  dropStream(): void {
    this.#flight?.ordered({ order: "drop_stream" });
    this.#leg?.drop();
  }

  /** Its stream and its session weigh on this process (not while a human has the caller). */
  get isLoad(): boolean {
    return this.#state.name !== "ended" && this.#state.name !== "handing_over";
  }

  /** Opens the model's session before the stream is here (promise S1). */
  prewarm(): void {
    this.#flight?.ordered({ order: "prewarm" });
    this.#upstream.open([]);
    this.#arm("claim");
  }

  /**
   * Asks who calls; the greeting waits for the answer, which comes within the look-up's time-out.
   *
   * @returns when the answer is known. Never rejects.
   */
  lookUpCaller(): Promise<void> {
    const { lookUp } = this.#deps;
    if (lookUp === null) return Promise.resolve();
    this.#flight?.ordered({ order: "recognise" });
    const { callSid, from, to } = this.parties;
    this.#recognising = true;
    return lookUp({ callSid, from, to }).then((profile) => {
      this.#recognising = false;
      if (this.#state.name === "ended") return;
      if (profile !== null) this.#recognised(profile);
      if (this.#greetingWaits) this.#greet();
    });
  }

  #recognised(profile: CallerProfile): void {
    this.eventLog.note("caller_recognised", { cases: profile.openCases.length });
    this.#facts = prompts.callerFacts(profile);
    this.#callerFields = profile.fields ?? {};
    const { language } = profile;
    const known =
      language !== null &&
      this.setLanguage(this.agent.languages.has(language) ? language : primary(language));
    if (!known && this.#openedUnrecognised)
      this.#upstream.session?.update({ instructions: this.#instructions });
    this.#openedUnrecognised = false;
  }

  #filled(text: string): string {
    return fillText(text, this.agent, this.#language, this.#callFacts);
  }

  get #callFacts(): CallFacts {
    return {
      epochMs: this.#deps.clock.epochMs(),
      callerNumber: callerNumber(this.parties),
      caller: this.#callerFields,
    };
  }

  get #instructions(): string {
    const { agent } = this;
    const language = this.#language;
    if (!this.#languageChosen)
      return sessionInstructions(agent.instructions, agent, language, this.#callFacts);
    const own = agent.languages.get(language)?.instructions ?? agent.instructions;
    return prompts.inLanguage(sessionInstructions(own, agent, language, this.#callFacts), language);
  }

  /** `<Say>` before the stream, or null. */
  get say(): string | null {
    return this.agent.say === null ? null : this.#filled(this.agent.say);
  }

  /** What whoever had the call placed wants the agent to know. */
  giveContext(context: Readonly<Record<string, unknown>>): void {
    this.#flight?.ordered({ order: "brief", context });
    this.#facts = prompts.callContext(context);
  }

  /** @param by  what Twilio takes for the one who answered: human, machine_start, fax, unknown … */
  answeredBy(by: string): void {
    this.#flight?.ordered({ order: "answered_by", by });
    // Twilio repeats its callbacks; a machine is told only once.
    if (this.#answeredBy !== null || this.#state.name === "ended") return;
    this.#answeredBy = by;
    this.eventLog.note("answered_by", { by });
    if (by === "fax") this.#leave({ kind: "end", reason: "fax", farewell: "none" });
    else if (by.startsWith("machine")) this.#meetMachine();
  }

  #meetMachine(): void {
    const { name } = this.#state;
    if (name === "talking") this.#upstream.session?.speak(prompts.LEAVE_MESSAGE);
    else if (name === "offered" || name === "connecting")
      this.#facts = [this.#facts, prompts.LEAVE_MESSAGE].filter((fact) => fact !== null).join("\n");
    else if (name === "redialing" || name === "returning") this.#owe(prompts.LEAVE_MESSAGE);
  }

  /** Without a warm session the stream's start opens one. */
  dialLater(): void {
    this.#flight?.ordered({ order: "dial_later" });
    this.#dispatch({ type: "timer", timer: "claim" });
  }

  // --- commands -------------------------------------------------------------------------------------

  /** The stream of this call is here and its token was good. Null: this call takes no stream now. */
  claim(leg: MediaLeg, streamSid: StreamSid): MediaLegEvents | null {
    const { name } = this.#state;
    if (this.#leg !== null || (name !== "offered" && name !== "returning")) return null;
    this.#leg = leg;
    if (this.#flight !== null) {
      this.#flight.streamStarted(streamSid);
      leg.record(this.#flight);
    }
    this.#streamStartedMs = this.#deps.clock.nowMs();
    this.#account.limits.started(this.#streamStartedMs);
    this.#audio.connectLeg(leg);
    this.#deps.ticker.add(this);
    this.eventLog.streamStarted(streamSid);
    this.#dispatch({ type: "stream_started" });
    return this;
  }

  /** Somebody else's decision: the agent's own ways out come with its tools and limits. */
  leave(departure: Disposition): void {
    this.#flight?.ordered({ order: "leave", departure });
    this.#leave(departure);
  }

  #leave(departure: Disposition): void {
    this.#dispatch({ type: "leave", departure });
  }

  /** Twilio says that the call is over. */
  callerGone(): void {
    this.#flight?.ordered({ order: "caller_gone" });
    if (this.#state.name === "handing_over") this.#host.callerGone(this);
    this.#dispatch({ type: "caller_gone" });
  }

  /** This process gives the call up: a caller on a stream goes to the fallback, one with a human stays there. */
  abandon(reason: string): void {
    this.#flight?.ordered({ order: "abandon", reason });
    this.#dispatch({ type: "abandoned", reason });
  }

  /** What another process must know that has this call's stream; null: this call waits for none. */
  handoff(): CallHandoff | null {
    const { name } = this.#state;
    if (name !== "offered" && name !== "returning") return null;
    return {
      returning: name === "returning",
      history: this.eventLog.history(),
      replyPending: this.#owesAnswer,
      facts: this.#facts,
      language: this.#language,
      caller: this.#callerFields,
      callToken: this.parties.callToken,
    };
  }

  /** Takes over what another process knew, before the stream is claimed. */
  resumeFrom(heritage: CallHandoff): void {
    // The token is no part of what is done here, and lets one call in the caller's name.
    this.#flight?.ordered({ order: "inherit", heritage: { ...heritage, callToken: null } });
    this.#facts = heritage.facts;
    this.#callerFields = heritage.caller ?? {};
    if (heritage.language !== this.#language) this.setLanguage(heritage.language);
    if (!heritage.returning) return;
    this.eventLog.inherit(heritage.history);
    this.#owesAnswer = heritage.replyPending;
    this.#state = { name: "returning" };
  }

  /** Another process has this call's stream. */
  moved(): void {
    this.#flight?.ordered({ order: "moved" });
    this.#dispatch({ type: "moved" });
  }

  transferEnded(next: "connected" | "back_to_agent" | "apology" | "gone"): void {
    this.#flight?.ordered({ order: "transfer_ended", next });
    this.#dispatch({ type: "transfer_ended", next });
    // The redirect never took effect: the caller is still on the stream.
    if (this.#state.name === "returning" && this.#leg !== null)
      this.#dispatch({ type: "stream_started" });
  }

  // --- ToolHost -------------------------------------------------------------------------------------

  announce(text: string): void {
    this.#upstream.session?.speak(prompts.sayExactly(text));
  }

  setLanguage(language: string): boolean {
    if (!this.agent.languages.has(language)) return false;
    this.#language = language;
    this.#languageChosen = true;
    this.#tellLanguage();
    return true;
  }

  #tellLanguage(): void {
    this.#upstream.session?.update({ instructions: this.#instructions, voice: this.#voice });
  }

  get #voice(): string {
    return this.agent.languages.get(this.#language)?.voice ?? this.agent.voice;
  }

  sendDtmf(digits: string): void {
    if (isDtmf(digits)) this.#audio.playLocal(dtmfTones(digits));
  }

  // --- MediaLegEvents -------------------------------------------------------------------------------

  callerFrame(
    message: Uint8Array,
    start: number,
    end: number,
    timestampMs: number,
    ulaw: Uint8Array,
    bytes: number,
  ): void {
    this.#beat(this.#audio.callerFrame(message, start, end, timestampMs, ulaw, bytes));
  }

  key(digit: string): void {
    this.#account.limits.callerActive(this.#deps.clock.nowMs());
    const { key, default: destination } = this.agent.transfer;
    if (digit === key && destination !== null) {
      this.eventLog.note("key", { key: digit });
      this.#leave({
        kind: "transfer",
        farewell: "none",
        request: { destination, reason: "key", summary: null, urgency: null, by: "key" },
      });
      return;
    }
    this.#keypad.pressed(digit);
  }

  markEchoed(generation: number, position: number): void {
    const nowMs = this.#deps.clock.nowMs();
    this.#audio.playout.marked(generation, position, nowMs);
    this.#settle(nowMs);
  }

  streamEnded(clean: boolean): void {
    this.#deps.ticker.remove(this);
    this.#leg = null;
    this.#keypad.forget();
    this.#barge.forget();
    const nowMs = this.#deps.clock.nowMs();
    for (const hearing of this.#audio.playout.disconnect(nowMs)) this.#heard(hearing);
    this.#audio.disconnectLeg();
    this.#dispatch({ type: "stream_ended", clean });
  }

  // --- UpstreamHost ---------------------------------------------------------------------------------

  openSession(history: readonly HistoryItem[], lifecycle: ModelSessionLifecycle): ModelSession {
    const { agent } = this;
    this.#openedIn = this.#language;
    this.#openedUnrecognised = this.#recognising && needsCaller(agent.instructions);
    const profile: SessionProfile = {
      model: agent.model,
      voice: this.#voice,
      instructions: this.#instructions,
      turnDetection: this.#turns,
      noiseReduction: agent.noiseReduction,
      transcription: agent.transcription,
      tools: this.#tools.specs,
      ...(agent.modelSettings === undefined ? {} : { settings: agent.modelSettings }),
    };
    return this.#deps.models.open({
      profile,
      history,
      audio: RELAYED_AUDIO,
      events: this,
      lifecycle,
    });
  }

  sessionReady(): void {
    if (this.#state.name === "redialing") this.#deps.metrics.upstreamReconnects.add(1, "ok");
    this.#dispatch({ type: "session_ready" });
  }

  sessionUnavailable(failure: SessionFailure): void {
    this.log.warn("no session with the model", { code: failure.code, detail: failure.detail });
    this.eventLog.note("session_unavailable", { code: failure.code });
    if (this.#state.name === "redialing") this.#deps.metrics.upstreamReconnects.add(1, "failed");
    this.#dispatch({ type: "session_unavailable", code: failure.code });
  }

  sessionLost(failure: SessionFailure): void {
    const nowMs = this.#deps.clock.nowMs();
    this.log.warn("session with the model lost", { code: failure.code, detail: failure.detail });
    this.eventLog.note("session_lost", { code: failure.code });
    this.#audio.disconnectSession();
    // What is here of the sentence is played; no more of it will come.
    for (const entry of this.#audio.playout.entries)
      this.#audio.playout.complete(entry.itemId, nowMs);
    const again = nowMs - this.#redialledMs < REDIAL_AGAIN_MS;
    this.#dispatch({
      type: "session_lost",
      code: failure.code,
      retryable: failure.retryable && !again,
    });
  }

  // --- VoiceSessionEvents ---------------------------------------------------------------------------

  audio(item: SpeechItem, base64: Uint8Array, start: number, end: number): void {
    this.#audio.modelAudio(item, base64, start, end);
  }

  audioDone(itemId: ItemId): void {
    this.#audio.playout.complete(itemId, this.#deps.clock.nowMs());
  }

  agentText(itemId: ItemId, text: string, final: boolean): void {
    this.eventLog.agentText(itemId, text, final, this.#audio.playout.receivedMs(itemId));
  }

  agentWrote(itemId: ItemId, text: string): void {
    this.eventLog.agentWrote(itemId, text);
  }

  callerText(itemId: ItemId, text: string): void {
    this.eventLog.callerText(itemId, text);
  }

  callerSpeech(state: "started" | "stopped", itemId: ItemId, audioMs: number): void {
    const nowMs = this.#deps.clock.nowMs();
    this.#account.limits.callerActive(nowMs);
    this.#audio.modelHears(state === "started");
    this.#fitting.modelHeard(state, this.#audio.ear);
    if (state === "started") {
      this.#interrupt(nowMs);
      this.#callerTurnStartedMs = this.#audio.sessionTimeMs(audioMs);
      this.eventLog.callerSpoke(itemId, this.#callerTurnStartedMs, null);
      return;
    }
    const turns = this.#turns;
    const silenceMs = turns.type === "server_vad" ? turns.silenceDurationMs : 0;
    this.eventLog.callerSpoke(
      itemId,
      this.#callerTurnStartedMs,
      this.#audio.sessionTimeMs(audioMs) - silenceMs,
    );
  }

  #interrupt(nowMs: number): void {
    const held = this.#barge.confirmed();
    if (this.#isProtected(nowMs)) return;
    const session = this.#upstream.session;
    const hearings = this.#audio.interrupt(nowMs);
    if (hearings !== null) {
      this.#deps.metrics.bargeIns.add(1, this.agent.name, held ? "local" : "model");
      this.#deps.metrics.bargeInClear.observe((this.#deps.clock.nowMs() - nowMs) / 1000);
      const spoken = hearings.filter((hearing) => !isLocal(hearing.itemId));
      for (const hearing of spoken) this.eventLog.agentHeard(hearing, true);
      session?.interrupted(spoken.filter((hearing) => hearing.cut));
    } else if (this.agent.turnDetection.interruptResponse) {
      // Nothing to take back, but what the server is cancelling now may still trickle in.
      session?.interrupted([]);
    }
  }

  /** Our own ear is quicker than the model's: the agent falls silent at once, and goes on if it was nothing. */
  callerHeard(endpoint: Endpoint, nowMs: number): void {
    const { ear, playout } = this.#audio;
    this.#fitting.weHeard(endpoint, ear);
    if (endpoint === "speech_stopped") {
      if (ear.lastSpeechMs >= UTTERANCE_MS) this.#upstream.session?.callerPaused();
      return;
    }
    if (!this.agent.vad.localBargeIn || !this.agent.turnDetection.interruptResponse) return;
    // Where audio comes in real time, what a pause holds back would stay late for the whole call.
    if (this.#upstream.session?.capabilities.aheadOfRealTime === false) return;
    if (this.#state.name !== "talking" || playout.isSilent(nowMs) || this.#isProtected(nowMs))
      return;
    if (!this.#barge.onset(nowMs)) return;
    playout.hold();
    this.eventLog.note("playout_held");
  }

  #isProtected(nowMs: number): boolean {
    return this.#protectedUntilMs === null || nowMs < this.#protectedUntilMs;
  }

  /** While the greeting is protected the server must not cut it either. */
  get #turns(): TurnDetection {
    const { turns } = this.#fitting;
    if (this.#protectedUntilMs === Number.NEGATIVE_INFINITY) return turns;
    return { ...turns, interruptResponse: false };
  }

  /** Fits the server's turn detection to the line, between turns. */
  #tune(nowMs: number): void {
    const session = this.#upstream.session;
    const next = this.#fitting.look(
      nowMs,
      this.#audio.ear,
      session?.capabilities.tunesTurnDetection === true && this.#state.name === "talking",
    );
    if (next === null) return;
    session?.update({ turnDetection: this.#turns });
    this.eventLog.note("turn_detection_tuned", { ...next });
    this.log.info("turn detection fitted to the line", { ...next });
  }

  #endProtection(): void {
    this.#protectedUntilMs = Number.NEGATIVE_INFINITY;
    this.#upstream.session?.update({ turnDetection: this.#turns });
  }

  callerTurn(itemId: ItemId): void {
    this.#owesAnswer = true;
    this.eventLog.callerTurn(itemId);
  }

  responseStarted(_responseId: ResponseId): void {
    this.#owesAnswer = true;
    this.#account.limits.agentActive(this.#deps.clock.nowMs());
  }

  responseDone(end: ResponseEnd): void {
    const nowMs = this.#deps.clock.nowMs();
    this.#account.limits.agentActive(nowMs);
    this.#owesAnswer = end.calls.length > 0;
    if (end.textOnly !== null) {
      this.eventLog.note("text_reply");
      this.log.warn("model: reply came as text", {});
    }
    if (end.status === "failed" || end.status === "incomplete") {
      this.eventLog.note("response_problem", { status: end.status, problem: end.problem });
      this.#deps.metrics.upstreamErrors.add(1, "upstream_response_failed");
      this.log.warn("response not completed", { status: end.status, problem: end.problem });
    }
    const { textOnly } = end;
    if (textOnly !== null || (end.status === "failed" && !end.spoke)) {
      this.#failedResponses++;
      if (this.#failedResponses > 1) {
        this.#dispatch({
          type: "session_lost",
          code: "upstream_response_failed",
          retryable: false,
        });
        return;
      }
      this.#owesAnswer = true;
      if (textOnly === null) this.#upstream.session?.requestResponse();
      else this.announce(textOnly);
    } else this.#failedResponses = 0;
    if (end.calls.length > 0) this.#runTools(end);
    this.#settle(nowMs);
  }
  #failedResponses = 0;

  #runTools(end: ResponseEnd): void {
    const session = this.#upstream.session;
    this.#tools.run(end, (batch) => {
      if (this.#state.name === "ended") return;
      for (const run of batch.runs) {
        this.#deps.metrics.toolSeconds.observe(run.ms / 1000, run.metricName, run.outcome);
        this.eventLog.tool(run.callId, run.name, run.arguments, run.output, run.ms, run.outcome);
      }
      const now = this.#upstream.session;
      if (now !== null && now === session) now.toolResults(batch.runs, batch.departure === null);
      else if (now !== null && batch.departure === null) {
        // The model that asked is gone; the one that is here learns the answers as facts.
        for (const run of batch.runs) now.note(prompts.lateToolResult(run.name, run.output));
        now.requestResponse();
      }
      if (batch.departure !== null) this.#leave(batch.departure);
    });
  }

  usage(model: string, tokens: TokenUsage): void {
    this.#account.usage(model, tokens);
  }

  transcriptionUsage(model: string, tokens: number, seconds: number): void {
    this.#account.transcriptionUsage(model, tokens, seconds);
  }

  tokensRemaining(remaining: number, limit: number, resetSeconds: number): void {
    this.#account.tokensRemaining(remaining, limit, resetSeconds);
  }

  idleTimeout(): void {
    this.#account.limits.modelPrompted();
    this.eventLog.note("idle_timeout");
  }

  warning(code: string, about: "truncate" | "other"): void {
    if (about === "truncate") this.#deps.metrics.truncationRejected.add(1);
    else this.#deps.metrics.upstreamErrors.add(1, "upstream_rejected");
    this.eventLog.note("model_refused", { code, about });
    this.log.warn("the model refused a request", { code, about });
  }

  mcpCallStarted(call: McpCall): void {
    this.#account.limits.agentActive(this.#deps.clock.nowMs());
    this.log.info("mcp: call started", { tool: call.name, server: call.serverLabel });
  }

  mcpCallEnded(call: McpCallEnd): void {
    recordMcpCall(call, this.agent, this.eventLog, this.#deps.metrics);
    const { name, serverLabel, ms } = call;
    if (call.error === null)
      this.log.info("mcp: call finished", { tool: name, server: serverLabel, ms });
    else this.log.warn("mcp: call failed", { tool: name, server: serverLabel, ms });
  }

  mcpToolsFailed(serverLabel: string): void {
    this.eventLog.note("mcp_tools_failed", { server: serverLabel });
    this.log.warn("mcp: tools not listed", { server: serverLabel });
  }

  sessionPartRefused(part: SessionPart, tool: string | null): void {
    this.eventLog.note("session_part_refused", { part, tool });
    this.log.warn("model: session part refused", { part, tool });
  }

  probeAnswered(): void {}

  // --- AudioPathEvents, Ticking ---------------------------------------------------------------------

  speechBegan(itemId: ItemId): void {
    if (isLocal(itemId)) return;
    this.#fitting.agentSpoke(this.#audio.ear);
    const { metrics, clock } = this.#deps;
    if (!this.#spokeYet) {
      this.#spokeYet = true;
      metrics.firstAudio.observe((clock.nowMs() - this.#streamStartedMs) / 1000);
      if (this.#protectedUntilMs === null)
        this.#protectedUntilMs = clock.nowMs() + this.agent.vad.greetingProtectionMs;
    }
    const voiceToVoiceMs = this.eventLog.agentBegan(itemId);
    if (voiceToVoiceMs !== null)
      metrics.voiceToVoice.observe(voiceToVoiceMs / 1000, this.agent.name);
  }

  tick(nowMs: number): void {
    // The caller's frames are the beat; the ticker only stands in for those that do not come.
    if (nowMs - this.#beatMs < BEAT_MISSED_MS) return;
    if (this.#flight === null) this.#standIn(nowMs);
    else this.#flight.beat((atMs) => this.#standIn(atMs));
  }

  #standIn(nowMs: number): void {
    this.#audio.tick(nowMs);
    this.#beat(nowMs);
  }

  #beat(nowMs: number): void {
    this.#beatMs = nowMs;
    if (this.#barge.expired(nowMs)) {
      this.#audio.playout.resume(nowMs);
      this.eventLog.note("playout_resumed");
    }
    if (this.#protectedUntilMs !== Number.NEGATIVE_INFINITY && !this.#isProtected(nowMs))
      this.#endProtection();
    this.#upstream.session?.tick(nowMs);
    this.#settle(nowMs);
    if (nowMs - this.#slowBeatMs < SLOW_BEAT_MS) return;
    this.#slowBeatMs = nowMs;
    this.#tune(nowMs);
    this.#watchLimits(nowMs);
  }

  /** Closes the account of what was heard to its end, and departs when nothing is left to hear. */
  #settle(nowMs: number): void {
    const { playout } = this.#audio;
    for (
      let heard = playout.takePlayed(nowMs);
      heard !== undefined;
      heard = playout.takePlayed(nowMs)
    ) {
      this.#account.limits.agentActive(nowMs);
      this.#heard(heard);
    }
    if (playout.underruns > this.#underrunsCounted) {
      this.#underrunsCounted = playout.underruns;
      this.#deps.metrics.underruns.add(1);
    }
    if (this.#state.name !== "leaving") return;
    const session = this.#upstream.session;
    if ((session === null || session.quiet) && playout.isDrained(nowMs))
      this.#dispatch({ type: "heard_out" });
  }

  #heard(hearing: PlaybackReport): void {
    if (!isLocal(hearing.itemId)) this.eventLog.agentHeard(hearing, false);
  }

  #watchLimits(nowMs: number): void {
    if (this.#state.name !== "talking") return;
    const session = this.#upstream.session;
    const silent = session?.quiet === true && this.#audio.playout.isSilent(nowMs);
    const action = this.#account.limitReached(nowMs, silent);
    if (action?.kind === "say") session?.speak(action.instructions);
    else if (action !== null) this.#leave(action.departure);
  }

  /** Keys that are not the way to a human: told to the model once the caller has stopped typing. */
  #typed(digits: string): void {
    const text = prompts.callerTyped(digits);
    this.eventLog.remember(text);
    const session = this.#upstream.session;
    session?.note(text);
    session?.requestResponse();
  }

  // --- decisions ------------------------------------------------------------------------------------

  #dispatch(event: CallEvent): void {
    const before = this.#state;
    const { state, effects } = step(before, event);
    this.#state = state;
    if (state.name !== before.name)
      this.log.debug("call state", { from: before.name, to: state.name });
    for (const effect of effects) this.#carryOut(effect);
  }

  #carryOut(effect: Effect): void {
    const nowMs = this.#deps.clock.nowMs();
    switch (effect.do) {
      case "open_session":
        this.#upstream.open(this.eventLog.history());
        return;
      case "close_session":
        this.#upstream.close();
        this.#audio.disconnectSession();
        this.#audio.dropBacklog();
        return;
      case "redial":
        this.#redialledMs = nowMs;
        this.#upstream.open(this.eventLog.history());
        return;
      case "begin":
        this.#begin(effect.how);
        return;
      case "ask_farewell":
        this.#upstream.session?.speak(prompts.farewell(effect.departure));
        return;
      case "silence_agent": {
        const hearings = this.#audio.interrupt(nowMs);
        if (hearings !== null) for (const hearing of hearings) this.#heard(hearing);
        this.#upstream.session?.stopSpeaking();
        return;
      }
      case "announce":
        this.#host.announce(this, effect.request);
        return;
      case "hand_over":
        this.#tools.cancel();
        this.#host.handOver(this, effect.request);
        return;
      case "comfort":
        if (this.#audio.playout.isSilent(nowMs)) this.#audio.playLocal(WAITING_TONE);
        return;
      case "close_stream":
        this.#leg?.close();
        return;
      case "arm":
        this.#arm(effect.timer);
        return;
      case "disarm":
        this.#disarm(effect.timer);
        return;
      case "finish":
        this.#rest();
        this.eventLog.ended(effect.outcome, effect.reason);
        this.#host.ended(this);
        return;
      case "let_go":
        this.#rest();
        this.eventLog.moved();
        this.#host.movedAway(this);
        return;
      default:
        assertNever(effect);
    }
  }

  #rest(): void {
    this.#tools.cancel();
    this.#keypad.forget();
    this.#disarm("claim");
    this.#disarm("arrival");
    this.#disarm("farewell");
    this.#disarm("waiting");
  }

  #begin(how: "greet" | "resume"): void {
    const session = this.#upstream.session;
    if (session === null) return;
    this.#audio.connectSession(session);
    // The look-up was quicker than the session.
    if (this.#openedIn !== this.#language) this.#tellLanguage();
    if (how === "greet") {
      if (this.#recognising) this.#greetingWaits = true;
      else this.#greet();
    } else if (this.#owesAnswer) session.speak(prompts.GO_ON);
  }

  #greet(): void {
    this.#greetingWaits = false;
    const session = this.#upstream.session;
    if (session === null) return;
    if (this.#facts !== null) {
      session.note(this.#facts);
      this.eventLog.remember(this.#facts);
    }
    if (this.agent.greeting === null) return;
    this.#owesAnswer = true;
    session.greet(
      prompts.greeting(
        this.#filled(this.agent.greeting),
        this.#language === this.agent.language ? null : this.#language,
      ),
    );
  }

  /** The next session begins by speaking: there is something to tell the caller. */
  oweReply(fact: string): void {
    this.#flight?.ordered({ order: "owe", fact });
    this.#owe(fact);
  }

  #owe(fact: string): void {
    this.#owesAnswer = true;
    this.eventLog.remember(fact);
  }

  #arm(timer: CallTimer): void {
    this.#disarm(timer);
    const run = (): void => {
      this.#timers.delete(timer);
      this.#dispatch({ type: "timer", timer });
    };
    this.#timers.set(timer, this.#deps.clock.after(this.#patienceMs(timer), run));
  }

  #patienceMs(timer: CallTimer): number {
    switch (timer) {
      case "claim":
        return CLAIM_MS;
      case "arrival":
        return this.#state.name === "returning" ? RETURN_MS : ARRIVAL_MS;
      case "waiting":
        return WAITING_MS;
      case "farewell": {
        const { playout } = this.#audio;
        const waitingMs = playout.waitingBytes / 8 + playout.leadMs(this.#deps.clock.nowMs());
        return Math.min(FAREWELL_MOST_MS, waitingMs + FAREWELL_MS);
      }
    }
  }

  #disarm(timer: CallTimer): void {
    this.#timers.get(timer)?.cancel();
    this.#timers.delete(timer);
  }
}

/** "es-MX" → "es": an agent that speaks the language speaks it to everybody. */
function primary(language: string): string {
  return language.split("-")[0] ?? language;
}
