import { isDtmf } from "../../codec/dtmf.js";
import type { AgentProfile } from "../../domain/agent-profile.js";
import type { CallParties } from "../../domain/call-parties.js";
import { assertNever, type ErrorCode } from "../../domain/errors.js";
import type { ItemId } from "../../domain/ids.js";
import type { TransferRequest } from "../../domain/transfer-request.js";
import type { Log } from "../../ports/log.js";
import type { ToolRunObserver } from "../../tools/runner.js";
import type { ModelSession, SessionProfile } from "../model/model-session.js";
import { CallBudget } from "./call-budget.js";
import type { CallCommand, CallHandoff, Refusal } from "./call-command.js";
import type { CallDeps, CallHost, CallTap } from "./call-deps.js";
import { CallEffects, type CallEffectsHost } from "./call-effects.js";
import { CallEventLog } from "./call-event-log.js";
import type { CallEvent, CallState, Disposition, TransferNext } from "./call-events.js";
import { handoffOf, takeOver } from "./call-handoff.js";
import { CallLanguage } from "./call-language.js";
import type { CallPath, CallPathHost, PathFactory } from "./call-path.js";
import { isOver, SERVES, step } from "./call-state.js";
import type { ToolHost } from "./call-tools.js";
import { CallerKeys, type CallerKeysHost } from "./caller-keys.js";
import { DueTranscripts } from "./due-transcripts.js";
import { FarewellWatch } from "./farewell-watch.js";
import { Greeting, type GreetingHost } from "./greeting.js";
import { ModelEvents, type ModelEventsHost } from "./model-events.js";
import { ModelLink, type ModelLinkHost } from "./model-link.js";
import * as prompts from "./prompts.js";
import type { OwedCause } from "./reply-ledger.js";
import { ReplyWatch, type ReplyWatchHost } from "./reply-watch.js";
import { type SupervisedCall, supervise } from "./supervision.js";
import { type TakenOverCall, Takeover } from "./takeover.js";
import { ToolAnswers, type ToolAnswersHost } from "./tool-answers.js";
import { observeVoiceToVoice } from "./turn-timing.js";
import { typedTurn } from "./typed-turn.js";
import { Voicemail, type VoicemailHost } from "./voicemail.js";

/**
 * One phone call, from its webhook to its end, on either path. `step` (call-state.ts) decides what
 * each event means, and `CallEffects` carries the decision out. Greeting, tools, keys, limits and
 * the like are collaborators. The path moves the audio between caller and model.
 */
export class Call<Path extends CallPath = CallPath>
  implements
    CallPathHost,
    CallEffectsHost,
    CallerKeysHost,
    GreetingHost,
    ModelEventsHost,
    ModelLinkHost,
    ReplyWatchHost,
    SupervisedCall,
    TakenOverCall,
    ToolAnswersHost,
    ToolHost,
    VoicemailHost
{
  readonly parties: CallParties;
  readonly agent: AgentProfile;
  readonly eventLog: CallEventLog;
  readonly log: Log;
  readonly path: Path;
  readonly budget: CallBudget;
  readonly reply: ReplyWatch;
  readonly toolRuns: ToolRunObserver;
  readonly transcripts: DueTranscripts;
  readonly tools: ToolAnswers;
  readonly greeting: Greeting;
  readonly keys: CallerKeys;
  readonly voicemail: Voicemail;
  readonly takeover = new Takeover(this, () => this.#deps.clock.nowMs());
  readonly #host: CallHost<Call<Path>>;
  readonly #deps: CallDeps;
  readonly #tap: CallTap | null;
  readonly #model: ModelLink;
  readonly #language: CallLanguage;
  readonly #effects: CallEffects<Call<Path>>;
  #state: CallState;
  readonly #farewell = new FarewellWatch(this);

  constructor(
    parties: CallParties,
    agent: AgentProfile,
    paths: PathFactory<Path>,
    host: CallHost<Call<Path>>,
    given: CallDeps,
  ) {
    this.parties = parties;
    this.agent = agent;
    const tap = paths.recordable ? (given.flights?.record(parties, agent, given) ?? null) : null;
    const deps = tap?.deps(given) ?? given;
    this.#tap = tap;
    this.#host = tap?.host(host) ?? host;
    this.#deps = deps;
    const { clock, metrics } = deps;
    const log = deps.log.child({ callSid: parties.callSid, agent: agent.name });
    const openedEpochMs = parties.openedEpochMs ?? clock.epochMs();
    const openedMs = clock.nowMs() - Math.max(0, clock.epochMs() - openedEpochMs);
    const eventLog = new CallEventLog(parties.callSid, deps.journal, () => clock.nowMs(), openedMs);
    this.log = log;
    this.eventLog = eventLog;
    this.budget = new CallBudget(agent, parties.direction, eventLog, log, deps);
    this.transcripts = new DueTranscripts(agent.transcription !== null, () =>
      this.dispatch({ type: "transcripts_complete" }),
    );
    this.reply = new ReplyWatch(this, clock, metrics);
    this.toolRuns = this.reply.tools;
    const { limits } = this.budget;
    this.#language = new CallLanguage(agent, parties, clock, () => this.#model.session);
    this.#effects = new CallEffects<Call<Path>>(this, this.#host, this.#language, clock);
    this.greeting = new Greeting(this, this.#language, deps.lookUp);
    this.keys = new CallerKeys(this, limits, clock);
    this.voicemail = new Voicemail(this, this.greeting, clock);
    this.path = paths.create({ parties, agent, eventLog, log, limits, deps, tap }, this);
    const tools = deps.tools(this);
    this.tools = new ToolAnswers(tools, this, metrics);
    const events = new ModelEvents(this, clock, metrics);
    this.#model = new ModelLink(this, this.#language, tools.specs, events, deps);
    this.#state = {
      name: "offered",
      session: this.path.capabilities.asksWhatFollows ? "opening" : "released",
    };
    eventLog.opened(parties, agent.name, paths.name, deps.node, openedEpochMs);
    log.info("call: started", { path: paths.name, direction: parties.direction });
    this.#effects.arm("arrival");
  }

  get state(): CallState {
    return this.#state;
  }

  get isOver(): boolean {
    return isOver(this.#state);
  }

  get language(): string {
    return this.#language.current;
  }

  /** Null while no session is ready, and while a supervisor keeps the model out. */
  get session(): ModelSession | null {
    return this.takeover.isModelOut ? null : this.#model.session;
  }

  /** `<Say>` before the call's audio begins, or null. */
  get announcement(): string | null {
    return this.#language.announcement;
  }

  get profile(): SessionProfile {
    return this.#model.profile;
  }

  /** The call counts against MAX_CALLS. A caller who was handed over to a human does not count. */
  get isLoad(): boolean {
    return !this.isOver && this.#state.name !== "handing_over";
  }

  /** A session was opened ahead of the caller's stream and waits for that stream. */
  get isWarm(): boolean {
    return this.#state.name === "offered" && ["opening", "ready"].includes(this.#state.session);
  }

  // --- commands ----------------------------------------------------------------------------------

  /** @returns why the command was refused; null: it was carried out, or had no effect. */
  execute(command: CallCommand): Refusal | null {
    this.#tap?.command(command);
    switch (command.type) {
      case "prewarm":
        this.reply.dialling();
        this.path.connect(false);
        this.#effects.arm("claim");
        break;
      case "dial_later":
        this.dispatch({ type: "timer", timer: "claim" });
        break;
      case "look_up_caller":
        this.greeting.lookUpCaller();
        break;
      case "give_context":
        this.greeting.giveContext(command.context);
        break;
      case "resume_from":
        takeOver(this, this.#language, command.handoff);
        if (command.handoff.returning) this.#state = { name: "returning" };
        break;
      case "tell_model":
        this.tellModel(command.fact, "transfer_failed");
        break;
      case "caller_typed":
        return typedTurn(this, command.text, this.#deps.clock.nowMs());
      case "note":
      case "say":
      case "take_over":
      case "supervisor_audio":
      case "hand_back":
      case "transfer":
      case "end":
        return supervise(this, command);
      case "transfer_ended":
        this.#transferEnded(command.next);
        break;
      case "abandon":
        this.dispatch({ type: "abandoned", reason: command.reason });
        break;
      case "give_up":
        this.dispatch({ type: "gave_up", reason: command.reason });
        break;
      case "caller_gone":
      case "stream_followed":
        this.dispatch({ type: command.type });
        break;
      case "moved":
        if (this.path.mayMove) this.dispatch({ type: "moved" });
        break;
      case "close_stream":
        this.path.close("stream_only");
        break;
      case "drop_stream":
        this.path.drop();
        break;
      case "answered_by":
        if (!this.isOver) this.voicemail.answeredBy(command.by);
        break;
      default:
        assertNever(command);
    }
    return null;
  }

  /** What the process with this call's stream must know; null: this call expects no stream. */
  handoff(): CallHandoff | null {
    if (!this.expectsCaller) return null;
    return handoffOf(this, this.#language, this.#state.name === "returning");
  }

  #transferEnded(next: TransferNext): void {
    this.dispatch({ type: "transfer_ended", next, agentHere: this.path.agentIsHere });
    // The transfer never moved the caller, who is still on the line.
    if (this.#state.name === "returning" && this.path.callerIsHere) this.callerArrived();
  }

  // --- decisions ---------------------------------------------------------------------------------

  dispatch(event: CallEvent): void {
    const before = this.#state;
    const { state, effects } = step(before, event);
    this.#state = state;
    if (state !== before) this.#host.stateChanged(this);
    if (state.name !== before.name) this.#entered(state.name, before.name);
    for (const effect of effects) this.#effects.carryOut(effect);
  }

  #entered(name: CallState["name"], from: CallState["name"]): void {
    this.log.debug("call: state", { from, to: name });
    if (name !== "talking" && name !== "redialing") this.takeover.drop();
    if (name === "leaving") {
      const nowMs = this.#deps.clock.nowMs();
      this.#farewell.begins(nowMs);
      this.reply.leave(nowMs);
    } else if (!SERVES.has(name)) this.reply.withdraw();
  }

  leave(disposition: Disposition): void {
    const agentStays =
      disposition.kind === "transfer" && this.agentStaysDuring(disposition.request);
    this.dispatch({ type: "leave", disposition, agentStays });
    this.playbackMoved();
  }

  agentStaysDuring(request: TransferRequest): boolean {
    return this.isTalking && request.by !== "limit" && this.path.agentStaysDuring(request);
  }

  // --- from the path -----------------------------------------------------------------------------

  get expectsCaller(): boolean {
    return this.#state.name === "offered" || this.#state.name === "returning";
  }

  get isTalking(): boolean {
    return this.#state.name === "talking" && !this.takeover.isModelOut;
  }

  /** The caller is on the line and only the agent, if anyone, talks with them. */
  get isWithAgent(): boolean {
    const { name } = this.#state;
    if (this.takeover.isOn) return false;
    if (name === "handing_over") return this.path.hasStream || this.path.agentIsHere;
    return name === "connecting" || name === "talking" || name === "redialing";
  }

  callerArrived(): void {
    if (!this.greeting.isDone && this.agent.greeting !== null) this.reply.owe("greeting");
    this.dispatch({ type: "caller_arrived" });
  }

  streamEnded(clean: boolean): void {
    this.keys.forget();
    this.dispatch({ type: "stream_ended", clean });
  }

  speechBegan(itemId: ItemId): void {
    this.reply.audible();
    const parts = this.eventLog.agentBegan(itemId);
    if (parts !== null) observeVoiceToVoice(this.#deps.metrics, parts, this.agent.name);
  }

  playbackMoved(): void {
    this.#farewell.playbackMoved(this.#deps.clock.nowMs());
  }

  tick(nowMs: number): void {
    this.#farewell.playbackMoved(nowMs);
    this.takeover.tick(nowMs);
    this.voicemail.tick(nowMs);
    this.reply.tick(nowMs);
    this.#farewell.tick(nowMs);
    if (this.isTalking) this.budget.watch(nowMs, this);
  }

  // --- the model ---------------------------------------------------------------------------------

  dial(attachTo: string | null, conversation: "new" | "kept"): void {
    this.#model.dial(attachTo, conversation);
  }

  closeSession(): void {
    this.reply.sessionEnded();
    this.transcripts.clear();
    this.#model.close();
  }

  modelReady(session: ModelSession, conversation: "new" | "kept"): void {
    this.#countReconnect("ok");
    if (this.#state.name !== "offered") this.path.attach(session);
    this.dispatch({ type: "session_ready", conversation });
  }

  modelLost(code: ErrorCode, retryable: boolean): void {
    this.#countReconnect("failed");
    this.transcripts.clear();
    this.takeover.modelLost({ type: "session_lost", code, retryable });
  }

  modelUnavailable(code: ErrorCode): void {
    this.#countReconnect("failed");
    this.takeover.modelLost({ type: "session_unavailable", code });
  }

  #countReconnect(outcome: "ok" | "failed"): void {
    if (this.#state.name === "redialing" && this.#state.after === "lost")
      this.#deps.metrics.upstreamReconnects.add(1, outcome);
  }

  /** Makes the model speak by these instructions, which the reply ledger then awaits. */
  ask(instructions: string): void {
    this.reply.owe("prompt");
    this.session?.speak(instructions);
  }

  /** Closes the session at once: nothing more is expected of a model that did not reply twice. */
  replyGivenUp(): void {
    this.closeSession();
    const detail = "no reply after it was asked for again";
    this.path.sessionLost({ code: "upstream_response_failed", retryable: false, detail });
    this.playbackMoved();
  }

  /** Gives the model a fact to tell the caller: now, or as soon as a session is ready. */
  tellModel(fact: string, cause: OwedCause): void {
    this.eventLog.remember(fact);
    this.reply.owe(cause);
    this.noteModel(fact);
    this.session?.requestResponse();
  }

  noteModel(text: string): void {
    (this.takeover.isModelOut ? this.takeover : this.#model).note(text);
  }

  say(text: string): void {
    this.session?.speak(prompts.sayExactly(text));
  }

  setLanguage(language: string): boolean {
    return this.#language.set(language);
  }

  sendDtmf(digits: string): void {
    if (!this.path.capabilities.keyTones) this.eventLog.note("dtmf_impossible");
    else if (isDtmf(digits)) this.path.sendDtmf(digits);
  }
}
