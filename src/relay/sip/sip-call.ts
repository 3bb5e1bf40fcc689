import type { AgentProfile } from "../../domain/agent-profile.js";
import type { CallParties } from "../../domain/call-parties.js";
import { type ErrorCode, RelayError } from "../../domain/errors.js";
import type { CallSid, ItemId, ResponseId, StreamSid } from "../../domain/ids.js";
import { needsCaller } from "../../domain/placeholders.js";
import type { CallOutcome, TokenUsage } from "../../domain/record-event.js";
import type { TransferRequest } from "../../domain/transfer-request.js";
import type { Timer } from "../../ports/clock.js";
import type { CallerProfile } from "../../ports/crm.js";
import type { Log } from "../../ports/log.js";
import type { SipControl } from "../../ports/model-rest.js";
import { SEND_DTMF } from "../../tools/send-dtmf.js";
import { TRANSFER_CALL } from "../../tools/transfer-call.js";
import { CallBudget } from "../call/call-budget.js";
import type { CallDeps } from "../call/call-deps.js";
import { CallEventLog } from "../call/call-event-log.js";
import type { ConnectEndedAnswer, Disposition } from "../call/call-state.js";
import type { CallTools, ToolHost, ToolRun } from "../call/call-tools.js";
import { DtmfCollector } from "../call/dtmf-collector.js";
import { recordMcpCall } from "../call/mcp-call-record.js";
import * as prompts from "../call/prompts.js";
import {
  type CallFacts,
  callerNumber,
  fillText,
  sessionInstructions,
} from "../call/session-facts.js";
import { ModelDialer, type ModelDialerHost } from "../model/model-dialer.js";
import type {
  HistoryItem,
  McpCall,
  McpCallEnd,
  ModelSession,
  ModelSessionEvents,
  ModelSessionLifecycle,
  ResponseEnd,
  SessionFailure,
  SessionPart,
  SessionProfile,
} from "../model/model-session.js";
import { acceptedSession } from "./accepted-session.js";
import { ServerPlayback } from "./playback.js";

/** Where a call on the SIP path is. The caller's own whereabouts are its host's. */
export type SipState =
  /** The model has not been reached yet. */
  | { readonly name: "ringing" }
  /** Accepted, or about to be; the sideband is not there. */
  | { readonly name: "accepting" }
  | { readonly name: "talking" }
  /** Something is said to its end before the call goes elsewhere. */
  | { readonly name: "leaving"; readonly departure: Disposition }
  /** A transfer decides; the model may be keeping the caller company. */
  | { readonly name: "handing_over" }
  | {
      readonly name: "ended";
      readonly outcome: CallOutcome;
      readonly reason: string;
      readonly verdict: ConnectEndedAnswer;
    };

/** Whoever knows how the caller got here: through a conference of ours, or straight from a trunk. */
export interface SipCallHost {
  /** The model stays with the caller while somebody is asked to come. */
  modelStaysDuring(call: SipCall, request: TransferRequest): boolean;
  /** The farewell was heard, or there is none. */
  handOver(call: SipCall, request: TransferRequest): void;
  /** The caller is still there, as far as we know, and the model is not. */
  modelGone(call: SipCall, code: ErrorCode): void;
  /** The sideband is there: the model can be spoken to. */
  attached(call: SipCall): void;
  /** The goodbye was heard: the caller's own leg goes too. */
  hangUp(call: SipCall): void;
  /** Once, last. */
  ended(call: SipCall): void;
  /** Once, last, instead of `ended`: the call goes on in another process. */
  movedAway(call: SipCall): void;
}

export interface SipCallDeps
  extends Pick<
    CallDeps,
    | "clock"
    | "metrics"
    | "log"
    | "journal"
    | "node"
    | "upstreamTimeoutMs"
    | "maxCallMinutes"
    | "lookUp"
    | "price"
    | "admission"
    | "models"
  > {
  readonly sip: SipControl;
  readonly tools: (host: ToolHost) => CallTools;
}

/** A session takes a longer pause between ticks for a standstill of the process. */
const BEAT_MS = 100;
/** Pauses before an accept is tried again; together well inside the time that a carrier lets it ring. */
const ACCEPT_PAUSES_MS: readonly number[] = [150, 500, 1_200];
const HANG_UP_TRIES = 5;
const HANG_UP_PAUSE_MS = 400;
/** A sideband that is lost so often within a minute is lost for good. */
const ATTACHES_MOST = 5;
const ATTACH_WINDOW_MS = 60_000;
const FAREWELL_MS = 12_000;
/** The sound of the call is not ours: no key tones can be put into it. */
const IMPOSSIBLE_TOOLS: ReadonlySet<string> = new Set([SEND_DTMF]);

/**
 * A call whose sound never touches us: the caller and the model speak over SIP, and we steer by the sideband. Accepts, greets,
 * runs tools, keeps the record; what happens to the caller's own leg is the host's.
 */
export class SipCall implements ToolHost, ModelDialerHost, ModelSessionEvents {
  readonly path = "sip";
  readonly parties: CallParties;
  readonly agent: AgentProfile;
  readonly eventLog: CallEventLog;
  readonly log: Log;
  readonly #host: SipCallHost;
  readonly #deps: SipCallDeps;
  readonly #upstream: ModelDialer;
  readonly #tools: CallTools;
  readonly #account: CallBudget;
  readonly #line: ServerPlayback;
  readonly #keypad: DtmfCollector;
  readonly #timers = new Set<Timer>();
  /** Answers of tools that came while there was no sideband. */
  readonly #untold: { readonly runs: readonly ToolRun[]; readonly goOn: boolean }[] = [];
  #failedResponses = 0;
  #state: SipState = { name: "ringing" };
  #callId: string | null = null;
  #beat: Timer | null = null;
  #farewell: Timer | null = null;
  #attachedMs: number[] = [];
  #greeted = false;
  #owesAnswer = false;
  #recognising: Promise<void> | null = null;
  #facts: string | null = null;
  #language: string;
  /** By the tool or by the caller look-up; until then the agent's own instructions hold. */
  #languageChosen = false;
  /** Fields of the caller look-up's answer, for placeholders. */
  #callerFields: Readonly<Record<string, string>> = {};
  /** Since when the session's audio clock runs. */
  #clockMs = 0;
  #turnStartedMs = 0;

  constructor(parties: CallParties, agent: AgentProfile, host: SipCallHost, deps: SipCallDeps) {
    this.parties = parties;
    this.agent = agent;
    this.#host = host;
    this.#deps = deps;
    const { clock, metrics } = deps;
    this.log = deps.log.child({ callSid: parties.callSid, agent: agent.name });
    this.#language = agent.language;
    this.eventLog = new CallEventLog(parties.callSid, deps.journal, () => clock.nowMs());
    this.#account = new CallBudget(agent, this.eventLog, this.log, deps);
    this.#upstream = new ModelDialer(this, { clock, metrics, timeoutMs: deps.upstreamTimeoutMs });
    this.#tools = deps.tools(this);
    this.#line = new ServerPlayback(
      this.eventLog,
      () => clock.nowMs(),
      (seconds) => metrics.voiceToVoice.observe(seconds, agent.name),
    );
    this.#keypad = new DtmfCollector(clock, (digits) => this.#typed(digits));
    this.eventLog.write({
      type: "opened",
      epochMs: clock.epochMs(),
      agent: agent.name,
      direction: parties.direction,
      from: parties.from,
      to: parties.to,
      path: "sip",
      node: deps.node,
    });
  }

  get state(): SipState {
    return this.#state;
  }

  get language(): string {
    return this.#language;
  }

  /** The model's call, `rtc_…`; null while there is none. */
  get callId(): string | null {
    return this.#callId;
  }

  get isLoad(): boolean {
    return this.#state.name !== "ended";
  }

  /** It takes a supervisor's commands. */
  get isLive(): boolean {
    return this.#state.name === "talking" || this.#state.name === "accepting";
  }

  /** No stream of ours carries this caller. */
  get hasStream(): boolean {
    return false;
  }

  closeStream(): void {}

  /** Asks who calls; the greeting waits for the answer, which comes within the look-up's time-out. */
  lookUpCaller(): void {
    const { lookUp } = this.#deps;
    if (lookUp === null) return;
    const { callSid, from, to } = this.parties;
    this.#recognising = lookUp({ callSid, from, to }).then((profile) => {
      this.#recognising = null;
      if (profile !== null && this.#state.name !== "ended") this.#recognised(profile);
    });
  }

  /** Resolves when the caller look-up has answered or none is running. Never rejects. */
  get lookedUp(): Promise<void> {
    return this.#recognising ?? Promise.resolve();
  }

  #recognised(profile: CallerProfile): void {
    this.eventLog.note("caller_recognised", { cases: profile.openCases.length });
    this.#facts = prompts.callerFacts(profile);
    this.#callerFields = profile.fields ?? {};
    const { language } = profile;
    const known =
      language !== null &&
      this.setLanguage(
        this.agent.languages.has(language) ? language : (language.split("-")[0] ?? language),
      );
    if (!known && needsCaller(this.agent.instructions))
      this.#upstream.session?.update({ instructions: this.#instructions });
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

  /** `<Say>` before the conference, or null. */
  get say(): string | null {
    return this.agent.say === null ? null : this.#filled(this.agent.say);
  }

  // --- the model's leg ------------------------------------------------------------------------------

  /**
   * The model's end of the call rings. False: this call has one already, or none any more.
   *
   * @param adopted  the process that dialled it does not answer; should it have accepted the call after all, the call is its own.
   */
  take(callId: string, adopted = false): boolean {
    if (this.#state.name !== "ringing" || this.#callId !== null) return false;
    this.#callId = callId;
    this.#adopted = adopted;
    this.#state = { name: "accepting" };
    this.#accept(callId, 0);
    return true;
  }

  #accept(callId: string, tries: number): void {
    const { sip } = this.#deps;
    sip.accept(callId, acceptedSession(this.#profile)).then(
      () => {
        if (this.#isOurs(callId)) this.#attach();
        else this.#release(callId);
      },
      (error: unknown) => {
        const code = error instanceof RelayError ? error.code : "internal";
        this.log.warn("a call was not accepted", { code }, error);
        this.eventLog.note("accept_failed", { code });
        if (!this.#isOurs(callId)) return;
        const pause = ACCEPT_PAUSES_MS[tries];
        const again = error instanceof RelayError && error.retryable && pause !== undefined;
        if (again)
          this.#after(pause, () => this.#isOurs(callId) && this.#accept(callId, tries + 1));
        // The first may have been carried out although its answer was lost; then the second is refused, and the call is ours.
        else if (tries > 0 && code === "upstream_rejected") this.#attach();
        else if (this.#adopted && code === "upstream_rejected") this.moved();
        else this.#lost(code);
      },
    );
  }

  #isOurs(callId: string): boolean {
    return this.#callId === callId && this.#state.name !== "ended";
  }

  #attach(): void {
    const nowMs = this.#deps.clock.nowMs();
    this.#attachedMs = [...this.#attachedMs.filter((ms) => nowMs - ms < ATTACH_WINDOW_MS), nowMs];
    if (this.#attachedMs.length > ATTACHES_MOST) this.#lost("upstream_closed");
    else this.#upstream.open(this.#greeted && this.#freshLeg ? this.eventLog.history() : []);
  }
  /** A second model was called in: it knows nothing of the conversation. */
  #freshLeg = false;
  #adopted = false;

  /** The leg is known to be gone: Twilio says so, or nobody can be attached to. */
  legGone(): void {
    if (this.#state.name === "ended" || this.#callId === null) return;
    this.#lost("upstream_closed");
  }

  #lost(code: ErrorCode): void {
    const callId = this.#callId;
    this.#callId = null;
    this.#upstream.close();
    this.#line.silenced();
    this.eventLog.note("model_gone", { code });
    if (callId !== null) this.#release(callId);
    if (this.#state.name !== "ended") this.#host.modelGone(this, code);
  }

  /** Nobody may stay on a line that nobody listens to. Gone is what is wanted. */
  #release(callId: string, tries = 1): void {
    this.#deps.sip.hangUp(callId).catch((error: unknown) => {
      const code = error instanceof RelayError ? error.code : "internal";
      if (code === "caller_gone" || code === "upstream_rejected") return;
      if (tries >= HANG_UP_TRIES) {
        this.log.warn("the model's leg could not be hung up", { code }, error);
        return;
      }
      this.#deps.clock.after(tries * HANG_UP_PAUSE_MS, () => this.#release(callId, tries + 1));
    });
  }

  /** The caller comes back from a human, to a model that has to be called anew. */
  awaitNewLeg(): void {
    this.#freshLeg = true;
    this.#owesAnswer = true;
    this.#callId = null;
    this.#state = { name: "ringing" };
  }

  // --- commands -------------------------------------------------------------------------------------

  leave(departure: Disposition): void {
    const { name } = this.#state;
    if (name === "ended" || name === "handing_over") return;
    if (departure.kind === "fallback") {
      this.#lost(departure.code);
      return;
    }
    if (departure.kind === "transfer" && this.#host.modelStaysDuring(this, departure.request)) {
      this.#state = { name: "handing_over" };
      this.#host.handOver(this, departure.request);
      return;
    }
    const session = this.#upstream.session;
    if (departure.farewell === "none" || session === null) {
      session?.stopSpeaking();
      this.#depart(departure);
      return;
    }
    if (name === "leaving") return;
    this.#state = { name: "leaving", departure };
    if (departure.farewell === "ask") session.speak(prompts.farewell(departure));
    this.#farewell = this.#deps.clock.after(FAREWELL_MS, () => this.#depart(departure));
    this.#settle();
  }

  #depart(departure: Disposition): void {
    this.#farewell?.cancel();
    if (this.#state.name === "ended") return;
    switch (departure.kind) {
      case "transfer":
        this.#state = { name: "handing_over" };
        this.#host.handOver(this, departure.request);
        return;
      case "end":
        this.#host.hangUp(this);
        this.end("completed", departure.reason);
        return;
      case "fallback":
        this.#lost(departure.code);
    }
  }

  /** Nothing more can be said: what was to follow the farewell follows now. */
  departNow(): void {
    if (this.#state.name === "leaving") this.#depart(this.#state.departure);
  }

  callerGone(): void {
    if (this.#state.name === "ended") return;
    const talked = this.#greeted && this.#state.name !== "handing_over";
    this.end(talked ? "completed" : "abandoned", "caller_hung_up");
  }

  /** This process gives the call up. */
  abandon(reason: string): void {
    if (this.#state.name === "ended" || this.#state.name === "handing_over") return;
    this.eventLog.note("abandoned", { reason });
    this.#lost("upstream_closed");
  }

  transferEnded(next: "connected" | "back_to_agent" | "apology" | "gone"): void {
    if (this.#state.name !== "handing_over") return;
    switch (next) {
      case "connected":
        this.end("transferred", "transferred");
        return;
      case "back_to_agent":
        // Without a model the caller comes back by a new document: `comeBack`.
        if (this.#callId !== null) this.#state = { name: "talking" };
        return;
      case "apology":
        this.end("failed", "transfer_failed");
        return;
      case "gone":
        this.end("abandoned", "caller_hung_up");
    }
  }

  /** The model has something to tell the caller: now, or when it is there. */
  oweReply(fact: string): void {
    this.eventLog.remember(fact);
    const session = this.#upstream.session;
    if (session === null) {
      this.#owesAnswer = true;
      return;
    }
    session.note(fact);
    session.requestResponse();
  }

  /** Another process has this call: nothing of it is touched, and nothing more of it told here. */
  moved(): void {
    if (this.#state.name === "ended") return;
    this.#state = { name: "ended", outcome: "completed", reason: "moved", verdict: "hang_up" };
    this.#callId = null;
    this.#rest();
    this.eventLog.moved();
    this.#host.movedAway(this);
  }

  /** The model's leg and the record; the caller's own leg is the host's. Idempotent. */
  end(outcome: CallOutcome, reason: string): void {
    if (this.#state.name === "ended") return;
    const verdict: ConnectEndedAnswer = outcome === "failed" ? "fallback" : "hang_up";
    this.#line.silenced();
    this.#state = { name: "ended", outcome, reason, verdict };
    this.#rest();
    const callId = this.#callId;
    this.#callId = null;
    if (callId !== null) this.#release(callId);
    this.eventLog.ended(outcome, reason);
    this.#host.ended(this);
  }

  #rest(): void {
    this.#tools.cancel();
    this.#keypad.forget();
    this.#beat?.cancel();
    this.#farewell?.cancel();
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    this.#upstream.close();
  }

  #after(ms: number, run: () => void): void {
    const timer = this.#deps.clock.after(ms, () => {
      this.#timers.delete(timer);
      run();
    });
    this.#timers.add(timer);
  }

  // --- UpstreamHost ---------------------------------------------------------------------------------

  get #profile(): SessionProfile {
    const { agent } = this;
    return {
      model: agent.model,
      voice: agent.languages.get(this.#language)?.voice ?? agent.voice,
      instructions: this.#instructions,
      turnDetection: agent.turnDetection,
      noiseReduction: agent.noiseReduction,
      transcription: agent.transcription,
      tools: this.#tools.specs.filter(
        (spec) => spec.type !== "function" || !IMPOSSIBLE_TOOLS.has(spec.name),
      ),
      ...(agent.modelSettings === undefined ? {} : { settings: agent.modelSettings }),
    };
  }

  openSession(history: readonly HistoryItem[], lifecycle: ModelSessionLifecycle): ModelSession {
    const callId = this.#callId;
    if (callId === null) throw new RelayError("internal", "a sideband without a call");
    return this.#deps.models.open({
      profile: this.#profile,
      history,
      audio: { path: "direct", callId },
      events: this,
      lifecycle,
    });
  }

  sessionReady(): void {
    const { clock } = this.#deps;
    if (this.#state.name === "ended") return;
    const fresh = this.#freshLeg;
    this.#freshLeg = false;
    this.#clockMs = clock.nowMs();
    if (this.#state.name === "accepting" || this.#state.name === "ringing") {
      this.#state = { name: "talking" };
      this.eventLog.streamStarted((this.#callId ?? "") as StreamSid);
      this.#account.limits.started(clock.nowMs());
      this.#beatOn();
    }
    this.#host.attached(this);
    const told = this.#tellUntold(fresh);
    if (!this.#greeted) void this.#greet();
    else if (this.#owesAnswer && fresh) this.#upstream.session?.speak(prompts.GO_ON);
    // Only the sideband was away: the caller has not noticed anything, but may be waiting for an answer.
    else if (this.#owesAnswer && !told) this.#upstream.session?.requestResponse();
  }

  /** @param fresh  the model that asked is gone; the one that is here learns the answers as facts. */
  #tellUntold(fresh: boolean): boolean {
    const untold = this.#untold.splice(0);
    const session = this.#upstream.session;
    for (const { runs, goOn } of untold) {
      if (!fresh) session?.toolResults(runs, goOn);
      else for (const run of runs) session?.note(prompts.lateToolResult(run.name, run.output));
    }
    return untold.length > 0 && !fresh;
  }

  async #greet(): Promise<void> {
    this.#greeted = true;
    await this.#recognising;
    const session = this.#upstream.session;
    if (session === null) {
      this.#greeted = false;
      return;
    }
    if (this.#facts !== null) {
      session.note(this.#facts);
      this.eventLog.remember(this.#facts);
    }
    if (this.agent.greeting === null) return;
    this.#owesAnswer = true;
    const foreign = this.#language === this.agent.language ? null : this.#language;
    session.greet(prompts.greeting(this.#filled(this.agent.greeting), foreign));
  }

  sessionUnavailable(failure: SessionFailure): void {
    this.log.warn("no sideband to the model", { code: failure.code, detail: failure.detail });
    if (this.#state.name !== "ended") this.#lost(failure.code);
  }

  sessionLost(failure: SessionFailure): void {
    this.log.warn("sideband to the model lost", { code: failure.code, detail: failure.detail });
    if (this.#state.name === "ended" || this.#callId === null) return;
    this.eventLog.note("sideband_lost", { code: failure.code });
    if (failure.retryable) this.#attach();
    else this.#lost(failure.code);
  }

  #beatOn(): void {
    this.#beat?.cancel();
    this.#beat = this.#deps.clock.after(BEAT_MS, () => {
      const nowMs = this.#deps.clock.nowMs();
      this.#upstream.session?.tick(nowMs);
      this.#watchLimits(nowMs);
      if (this.#state.name !== "ended") this.#beatOn();
    });
  }

  #watchLimits(nowMs: number): void {
    if (this.#state.name !== "talking") return;
    const session = this.#upstream.session;
    const silent = session?.quiet === true && !this.#line.speaking;
    const action = this.#account.limitReached(nowMs, silent);
    if (action?.kind === "say") session?.speak(action.instructions);
    else if (action !== null) this.leave(action.departure);
  }

  /** Departs when nothing is left to say and the caller has heard it. */
  #settle(): void {
    if (this.#state.name !== "leaving") return;
    const session = this.#upstream.session;
    if ((session === null || session.quiet) && !this.#line.speaking)
      this.#depart(this.#state.departure);
  }

  // --- ToolHost -------------------------------------------------------------------------------------

  announce(text: string): void {
    this.#upstream.session?.speak(prompts.sayExactly(text));
  }

  setLanguage(language: string): boolean {
    if (!this.agent.languages.has(language)) return false;
    this.#language = language;
    this.#languageChosen = true;
    const { instructions, voice } = this.#profile;
    this.#upstream.session?.update({ instructions, voice });
    return true;
  }

  /** The sound is not ours: nothing can be put into it. */
  sendDtmf(): void {
    this.eventLog.note("dtmf_impossible");
  }

  // --- VoiceSessionEvents ---------------------------------------------------------------------------

  audio(): void {}

  audioDone(): void {}

  agentText(itemId: ItemId, text: string, final: boolean): void {
    this.#line.text(itemId, text, final);
  }

  agentWrote(itemId: ItemId, text: string): void {
    this.eventLog.agentWrote(itemId, text);
  }

  callerText(itemId: ItemId, text: string): void {
    this.eventLog.callerText(itemId, text);
  }

  callerSpeech(state: "started" | "stopped", itemId: ItemId, audioMs: number): void {
    this.#account.limits.callerActive(this.#deps.clock.nowMs());
    const atMs = Math.min(this.#deps.clock.nowMs(), this.#clockMs + audioMs);
    if (state === "started") {
      this.#turnStartedMs = atMs;
      this.eventLog.callerSpoke(itemId, atMs, null);
    } else this.eventLog.callerSpoke(itemId, this.#turnStartedMs, this.#deps.clock.nowMs());
  }

  callerTurn(itemId: ItemId): void {
    this.#owesAnswer = true;
    this.eventLog.callerTurn(itemId);
  }

  playback(what: "started" | "stopped" | "cleared"): void {
    this.#account.limits.agentActive(this.#deps.clock.nowMs());
    if (what === "started") this.#line.began();
    else if (what === "stopped") this.#line.heardOut();
    else {
      this.#line.interrupted();
      this.#deps.metrics.bargeIns.add(1, this.agent.name, "model");
    }
    this.#settle();
  }

  cut(itemId: ItemId, heardMs: number): void {
    this.#line.cut(itemId, heardMs);
  }

  key(digit: string): void {
    this.#account.limits.callerActive(this.#deps.clock.nowMs());
    const { key, default: destination } = this.agent.transfer;
    if (digit !== key || destination === null) {
      this.#keypad.pressed(digit);
      return;
    }
    this.eventLog.note("key", { key: digit });
    this.leave({
      kind: "transfer",
      farewell: "none",
      request: { destination, reason: "key", summary: null, urgency: null, by: "key" },
    });
  }

  #typed(digits: string): void {
    const text = prompts.callerTyped(digits);
    this.eventLog.remember(text);
    this.#upstream.session?.note(text);
    this.#upstream.session?.requestResponse();
  }

  responseStarted(_responseId: ResponseId): void {
    this.#owesAnswer = true;
    this.#account.limits.agentActive(this.#deps.clock.nowMs());
  }

  responseDone(end: ResponseEnd): void {
    this.#account.limits.agentActive(this.#deps.clock.nowMs());
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
    if (textOnly !== null || (end.status === "failed" && !this.#line.spokeLately)) {
      this.#failedResponses++;
      if (this.#failedResponses > 1) {
        this.#lost("upstream_response_failed");
        return;
      }
      this.#owesAnswer = true;
      if (textOnly === null) this.#upstream.session?.requestResponse();
      else this.announce(textOnly);
    } else this.#failedResponses = 0;
    if (end.calls.length > 0) this.#runTools(end);
    this.#settle();
  }

  #runTools(end: ResponseEnd): void {
    // The sound of this response is not seen here; its text is.
    this.#tools.run({ ...end, spoke: this.#line.spokeLately }, ({ runs, departure }) => {
      if (this.#state.name === "ended") return;
      for (const run of runs) {
        this.#deps.metrics.toolSeconds.observe(run.ms / 1000, run.metricName, run.outcome);
        this.eventLog.tool(run.callId, run.name, run.arguments, run.output, run.ms, run.outcome);
      }
      const company =
        departure?.kind === "transfer" && this.#host.modelStaysDuring(this, departure.request);
      const told = company ? runs.map(keepingCompany) : runs;
      const session = this.#upstream.session;
      const goOn = departure === null || company;
      if (session === null) this.#untold.push({ runs: told, goOn });
      else session.toolResults(told, goOn);
      if (departure !== null) this.leave(departure);
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

  warning(code: string): void {
    this.#deps.metrics.upstreamErrors.add(1, "upstream_rejected");
    this.eventLog.note("model_refused", { code });
    this.log.warn("the model refused a request", { code });
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
}

/** The tool says for itself that the model is to fall silent; here it stays with the caller. */
function keepingCompany(run: ToolRun): ToolRun {
  if (run.name !== TRANSFER_CALL || run.outcome !== "ok") return run;
  return { ...run, output: JSON.stringify({ ok: true, note: prompts.KEEP_COMPANY }) };
}

/** For a call that no CallSid of Twilio's names. */
export function sidOfTrunkCall(callId: string): CallSid {
  return callId as CallSid;
}
