import { assertNever } from "../../domain/errors.js";
import type { CallOutcome } from "../../domain/record-event.js";
import type { Clock } from "../../ports/clock.js";
import type { Log } from "../../ports/log.js";
import type { ModelSession } from "../model/model-session.js";
import type { CallBudget } from "./call-budget.js";
import type { CallHost } from "./call-deps.js";
import type { CallEventLog } from "./call-event-log.js";
import type { Beginning, CallEvent, CallState, CallTimer, Effect } from "./call-events.js";
import type { CallLanguage } from "./call-language.js";
import type { CallPath } from "./call-path.js";
import { CallTimers } from "./call-timers.js";
import type { CallerKeys } from "./caller-keys.js";
import type { DueTranscripts } from "./due-transcripts.js";
import type { Greeting } from "./greeting.js";
import { logCallEnd } from "./log-lines.js";
import * as prompts from "./prompts.js";
import type { ReplyWatch } from "./reply-watch.js";
import type { ToolAnswers } from "./tool-answers.js";

/** From the webhook: a warm session that no stream has claimed by then is closed (promise S1). */
const CLAIM_MS = 10_000;
/** From the webhook to the stream's start, `<Say>` included. A later stream never comes. */
const ARRIVAL_MS = 120_000;
/** From the end of a stream: Twilio asks what follows within its webhook time-outs, or never. */
const RETURN_MS = 30_000;
/** From the decision to leave: a farewell may take this long beyond the audio that waits … */
const FAREWELL_MS = 12_000;
/** … and never longer than this. */
const MAX_FAREWELL_MS = 30_000;
/** From the end of the call: transcripts that come later are lost (promise O5). */
const TRANSCRIPTS_MS = 3_000;

/** The parts of a call that its effects touch. */
export interface CallEffectsHost {
  readonly state: CallState;
  readonly session: ModelSession | null;
  readonly path: CallPath;
  readonly eventLog: CallEventLog;
  readonly log: Log;
  readonly budget: Pick<CallBudget, "costUsd">;
  readonly reply: ReplyWatch;
  readonly tools: ToolAnswers;
  readonly transcripts: DueTranscripts;
  readonly greeting: Greeting;
  readonly keys: CallerKeys;
  dispatch(event: CallEvent): void;
}

/** Carries out what `step` decides. */
export class CallEffects<AnyCall extends CallEffectsHost> {
  readonly #call: AnyCall;
  readonly #host: CallHost<AnyCall>;
  readonly #language: CallLanguage;
  readonly #clock: Clock;
  readonly #timers: CallTimers<CallTimer>;
  /** When the call was over, in ms since it began; null: it is not over. */
  #endedAtMs: number | null = null;

  constructor(call: AnyCall, host: CallHost<AnyCall>, language: CallLanguage, clock: Clock) {
    this.#call = call;
    this.#host = host;
    this.#language = language;
    this.#clock = clock;
    this.#timers = new CallTimers(clock, (timer) => call.dispatch({ type: "timer", timer }));
  }

  carryOut(effect: Effect): void {
    const call = this.#call;
    switch (effect.do) {
      case "open_session":
        call.reply.dialling();
        call.path.connect(false);
        return;
      case "redial":
        call.reply.dialling();
        call.path.connect(true);
        return;
      case "release_model":
        call.path.release(effect.why);
        // The model that asked for the tools is gone, so their results are of no use.
        if (effect.why !== "stream_broke" && call.session === null) call.tools.cancelRunning();
        return;
      case "begin":
        this.#begin(effect.how);
        return;
      case "ask_farewell":
        call.session?.speak(prompts.farewell(effect.disposition));
        return;
      case "silence_agent":
        call.path.silence();
        call.session?.stopSpeaking();
        return;
      case "announce":
        this.#host.announce(call, effect.request);
        return;
      case "hand_over":
        this.#host.handOver(call, effect.request);
        return;
      case "fall_back":
        this.#fallBack(effect.reason, effect.asked);
        return;
      case "tell_caller_gone":
        this.#host.callerGone(call);
        return;
      case "keep_company":
        call.path.agentLeft();
        return;
      case "await_person":
        call.reply.awaitPerson();
        return;
      case "caller_taken":
        call.reply.withdraw();
        return;
      case "close_line":
        call.path.close(effect.how);
        return;
      case "arm":
        this.arm(effect.timer);
        return;
      case "disarm":
        this.#timers.disarm(effect.timer);
        return;
      case "await_transcripts":
        this.#awaitTranscripts();
        return;
      case "finish":
        this.#stopParts();
        this.#ended(effect.outcome, effect.reason, this.#endedAtMs ?? call.eventLog.atMs);
        this.#host.ended(call);
        return;
      case "move_away":
        this.#stopParts();
        call.eventLog.moved();
        call.log.info("call: moved to another process");
        this.#host.movedAway(call);
        return;
      default:
        assertNever(effect);
    }
  }

  #ended(outcome: CallOutcome, reason: string, durationMs: number): void {
    const { eventLog, log, budget } = this.#call;
    eventLog.ended(outcome, reason, durationMs);
    logCallEnd(log, { outcome, reason, durationMs, eventLog, costUsd: budget.costUsd });
  }

  #begin(how: Beginning): void {
    const { session, path, tools, greeting, reply } = this.#call;
    if (session === null) return;
    path.attach(session);
    this.#language.ready();
    const told = tools.sessionReady(session);
    if (!greeting.isDone && how !== "return") greeting.begin();
    // A model that stayed may be answering already. If it is not, the reply ledger asks it.
    else if (reply.isFirstWord && !told && how !== "reattach") {
      // A note, because a response with instructions of its own would not follow the session's.
      if (how === "resume") session.note(prompts.GO_ON);
      session.requestResponse();
    }
  }

  #fallBack(reason: string, asked: boolean): void {
    const { path, eventLog } = this.#call;
    eventLog.note("fallback", { reason });
    const follows = asked || path.capabilities.asksWhatFollows;
    this.#host.fallBack(this.#call, reason, follows);
    if (!follows || asked || this.#call.state.name !== "handing_over") return;
    // The end of the stream makes Twilio ask what follows. The answer is the fallback destination.
    path.close("stream_only");
    this.arm("arrival");
  }

  #awaitTranscripts(): void {
    const { session, transcripts, path, eventLog } = this.#call;
    this.#endedAtMs = eventLog.atMs;
    this.#stopParts();
    if (session === null || transcripts.areComplete) {
      this.#call.dispatch({ type: "transcripts_complete" });
      return;
    }
    session.stopSpeaking();
    path.mute();
    this.arm("transcripts");
  }

  #stopParts(): void {
    this.#call.tools.cancel();
    this.#call.keys.forget();
    this.#timers.disarmAll();
    this.#call.path.stop();
  }

  arm(timer: CallTimer): void {
    // A path on which Twilio does not ask what follows watches for the caller itself.
    if (timer === "arrival" && !this.#call.path.capabilities.asksWhatFollows) return;
    this.#timers.arm(timer, this.#timeoutMs(timer));
  }

  #timeoutMs(timer: CallTimer): number {
    switch (timer) {
      case "claim":
        return CLAIM_MS;
      case "arrival":
        return this.#call.state.name === "offered" ? ARRIVAL_MS : RETURN_MS;
      case "transcripts":
        return TRANSCRIPTS_MS;
      case "farewell": {
        const waitingMs = this.#call.path.remainingMs(this.#clock.nowMs());
        return Math.min(MAX_FAREWELL_MS, waitingMs + FAREWELL_MS);
      }
    }
  }
}
