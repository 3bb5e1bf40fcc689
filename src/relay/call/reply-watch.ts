import type { AgentProfile } from "../../domain/agent-profile.js";
import type { ResponseId, ToolCallId } from "../../domain/ids.js";
import type { Clock } from "../../ports/clock.js";
import type { Log } from "../../ports/log.js";
import type { Metrics } from "../../ports/metrics.js";
import { type ModelSession, NO_RESPONSE, type ResponseEnd } from "../model/model-session.js";
import type { CallEventLog } from "./call-event-log.js";
import type { CallPath } from "./call-path.js";
import { stuckSpeechSinceMs } from "./missed-end.js";
import {
  acted,
  dueAction,
  NO_REPLY_OWED,
  type OwedCause,
  quietSinceMs,
  type Recorded,
  type ReplyAction,
  type ReplyEvent,
  type ReplyState,
  record,
  silentResponseSinceMs,
  type WorkKind,
} from "./reply-ledger.js";

/** From the last sound to a farewell: after a longer silence a tone comes first. */
const LATE_MS = 2_000;

export interface ReplyWatchHost {
  readonly agent: AgentProfile;
  readonly session: ModelSession | null;
  readonly path: CallPath;
  readonly eventLog: CallEventLog;
  readonly log: Log;
  /** The caller is on the line, and no other person talks with them. */
  readonly isWithAgent: boolean;
  /** The model says exactly this next. */
  say(text: string): void;
  /** Everything was tried: the caller goes to the fallback destination. */
  replyGivenUp(): void;
}

/**
 * Keeps the reply ledger of one call and carries out what is due: the only watchdog on a caller who
 * waits (promises O1 to O3). The call reports here what it does for other reasons.
 */
export class ReplyWatch {
  readonly #host: ReplyWatchHost;
  readonly #clock: Clock;
  readonly #metrics: Pick<Metrics, "owedReplies">;
  #state: ReplyState = NO_REPLY_OWED;
  /** A reply that came as text, to be spoken when it is asked for again. */
  #text: string | null = null;
  /** The response that has begun last and has not ended. */
  #openResponse: ResponseId | null = null;

  constructor(host: ReplyWatchHost, clock: Clock, metrics: Pick<Metrics, "owedReplies">) {
    this.#host = host;
    this.#clock = clock;
    this.#metrics = metrics;
  }

  /** The caller waits for a reply, or something that leads to one is under way. */
  get isAwaited(): boolean {
    return this.isOwed || Object.values(this.#state.work).some((count) => count > 0);
  }

  get isOwed(): boolean {
    return this.#state.owed !== null;
  }

  /**
   * As the model has reported it, unless the report was found to be wrong. In a turn that was
   * overruled the caller may go on speaking, as long as the relay hears that the line is not quiet.
   */
  get isCallerSpeaking(): boolean {
    const { callerSpeaking, overruledMs } = this.#state;
    if (callerSpeaking || overruledMs === null) return callerSpeaking;
    return this.#host.path.heard(this.#clock.nowMs()).silentSinceMs === null;
  }

  /** A session that begins now has to speak first. */
  get isFirstWord(): boolean {
    const { owed } = this.#state;
    return owed !== null && owed.cutOff !== true;
  }

  owe(cause: OwedCause): void {
    this.#record({ type: "owed", cause });
  }

  /** Takes over from the process that had this call before. */
  restore(isOwed: boolean): void {
    if (isOwed) this.owe("session_lost");
  }

  /** The caller begins to hear the model. */
  audible(): void {
    this.#text = null;
    this.#record({ type: "audible" });
  }

  callerSpeech(speaking: boolean): void {
    this.#record({ type: "caller_speech", speaking });
  }

  dialling(): void {
    if (this.#state.work.dial === 0) this.#record({ type: "work_started", work: "dial" });
  }

  /** The dial led to a session, or to none. */
  dialled(): void {
    this.#record({ type: "work_ended", work: "dial" });
  }

  sessionEnded(): void {
    this.#openResponse = null;
    this.#record({ type: "session_ended" });
    this.dialled();
  }

  responseStarted(responseId: ResponseId): void {
    this.#openResponse = responseId;
    if (this.#state.work.response === 0) this.#started("response");
  }

  /** @param spoke  whether any sound of it was or will be heard. */
  responseDone(end: ResponseEnd, spoke: boolean): void {
    const { responseId } = end;
    // The end of another response, whose beginning was not reported, does not end the open one.
    const isOther = responseId !== NO_RESPONSE && responseId !== this.#openResponse;
    if (this.#openResponse !== null && isOther) return;
    this.#openResponse = null;
    this.#text = end.textOnly;
    const owes = owedAfter(end, spoke, this.isOwed);
    this.#record({ type: "response_ended", owes, retryAfterMs: end.retryAfterMs });
  }

  mcpStarted(): void {
    this.#started("mcp");
  }

  mcpEnded(): void {
    this.#record({ type: "work_ended", work: "mcp" });
  }

  /** A ToolRunObserver. */
  readonly tools = {
    started: (_callId: ToolCallId, sayWhileWaiting: string | null): void => {
      if (sayWhileWaiting === null) this.#started("tool");
      else this.#record({ type: "work_started", work: "tool", sayWhileWaiting });
    },
    ended: (_callId: ToolCallId): void => this.#record({ type: "work_ended", work: "tool" }),
  };

  /** A person is being reached, while the caller still hears the relay or the agent. */
  awaitPerson(): void {
    this.#record({ type: "withdrawn" });
    this.owe("transfer");
    this.#started("transfer");
  }

  /** The caller leaves the agent, or the call has ended. */
  withdraw(): void {
    this.#record({ type: "withdrawn" });
  }

  /**
   * The caller is about to leave the agent: what was owed is not waited for any more. A caller who
   * has waited for a while hears a tone before the farewell, which takes some seconds more.
   */
  leave(nowMs: number): void {
    const { owed } = this.#state;
    const { path } = this.#host;
    const isLate =
      owed !== null && nowMs - quietSinceMs(this.#state, owed, path.heard(nowMs)) >= LATE_MS;
    this.withdraw();
    if (isLate) path.playComfort(0, nowMs);
  }

  /** Does what is due by time alone. Called ten times a second. */
  tick(nowMs: number): void {
    const { owed, work, callerSpeaking, overruledMs } = this.#state;
    const isQuiet = !callerSpeaking && overruledMs === null;
    if ((owed === null && work.response === 0 && isQuiet) || !this.#host.isWithAgent) return;
    const heard = this.#host.path.heard(nowMs);
    const sinceMs = silentResponseSinceMs(this.#state, heard, nowMs);
    if (sinceMs !== null) this.#record({ type: "fell_silent", sinceMs });
    const stuckMs = stuckSpeechSinceMs(this.#state, heard, nowMs);
    if (stuckMs !== null) this.#record({ type: "speech_stuck", sinceMs: stuckMs });
    const action = dueAction(this.#state, heard, this.#host.agent.replyTimeoutMs, nowMs);
    if (action === null) return;
    // The model still believes that the caller speaks, and would begin no response.
    if (callerSpeaking || (overruledMs !== null && action.do === "ask_again"))
      this.#host.session?.callerSilent();
    this.#apply(acted(this.#state, action, nowMs));
    this.#carryOut(action, nowMs);
  }

  #carryOut(action: ReplyAction, nowMs: number): void {
    const { path, eventLog, log } = this.#host;
    switch (action.do) {
      case "comfort":
        eventLog.note("comfort", { waitingFor: action.waitingFor });
        path.playComfort(action.count, nowMs);
        return;
      case "say_while_waiting":
        this.#host.say(action.text);
        return;
      case "ask_again":
        eventLog.note("reply_asked_again", { cause: action.cause });
        log.warn("call: reply asked for again", { cause: action.cause });
        this.#askAgain();
        return;
      case "give_up":
        eventLog.note("reply_given_up", { cause: action.cause });
        log.warn("call: no reply from the model", { cause: action.cause });
        this.#host.replyGivenUp();
    }
  }

  #askAgain(): void {
    const text = this.#text;
    this.#text = null;
    if (text === null) this.#host.session?.askAgain();
    else this.#host.say(text);
  }

  #started(work: WorkKind): void {
    this.#record({ type: "work_started", work });
  }

  #record(event: ReplyEvent): void {
    this.#apply(record(this.#state, event, this.#clock.nowMs()));
  }

  #apply({ state, settled }: Recorded): void {
    this.#state = state;
    if (settled !== null) this.#metrics.owedReplies.add(1, settled.cause, settled.outcome);
  }
}

/** What a response leaves unpaid; null: nothing more than before. */
function owedAfter(end: ResponseEnd, spoke: boolean, isOwed: boolean): OwedCause | null {
  if (end.status === "failed") return "response_failed";
  if (end.calls.length > 0) return "tool_result";
  if (end.mcpCalls.length > 0) return "mcp_result";
  // The caller's speech or the call itself cancels a response, and records what is owed then.
  if (spoke || end.status === "cancelled") return null;
  if (end.textOnly !== null) return "text_reply";
  if (end.status === "incomplete") return "response_incomplete";
  return isOwed ? "response_incomplete" : null;
}
