import type { AgentProfile } from "../../domain/agent-profile.js";
import type { ItemId, ResponseId } from "../../domain/ids.js";
import type { TokenUsage } from "../../domain/record-event.js";
import type { Clock } from "../../ports/clock.js";
import type { Log } from "../../ports/log.js";
import type { Metrics } from "../../ports/metrics.js";
import type {
  McpCall,
  McpCallEnd,
  ModelSession,
  ModelSessionEvents,
  ResponseEnd,
  SessionPart,
} from "../model/model-session.js";
import type { CallBudget } from "./call-budget.js";
import type { CallEventLog } from "./call-event-log.js";
import type { CallPath } from "./call-path.js";
import type { CallerKeys } from "./caller-keys.js";
import type { DueTranscripts } from "./due-transcripts.js";
import { recordMcpCall } from "./mcp-call-record.js";
import { recordRefusedPart } from "./refused-part.js";
import type { ReplyWatch } from "./reply-watch.js";
import type { ToolAnswers } from "./tool-answers.js";
import type { Voicemail } from "./voicemail.js";

/** The parts of a call that the model's events concern. */
export interface ModelEventsHost {
  readonly agent: AgentProfile;
  readonly session: ModelSession | null;
  readonly path: CallPath;
  readonly eventLog: CallEventLog;
  readonly log: Log;
  readonly budget: CallBudget;
  readonly reply: ReplyWatch;
  readonly transcripts: DueTranscripts;
  readonly voicemail: Voicemail;
  readonly tools: ToolAnswers;
  readonly isOver: boolean;
  readonly keys: CallerKeys;
  /** The playback position has moved, or a response has ended: a farewell may be over. */
  playbackMoved(): void;
}

/**
 * Receives what a model's session reports to its call, on either path. After the call's end only
 * transcripts and their cost still count (promise O5).
 */
export class ModelEvents implements ModelSessionEvents {
  /** Goes straight to the path: audio does not pass through the call. */
  readonly audio: ModelSessionEvents["audio"];
  readonly #call: ModelEventsHost;
  readonly #clock: Clock;
  readonly #metrics: Metrics;

  constructor(call: ModelEventsHost, clock: Clock, metrics: Metrics) {
    this.#call = call;
    this.#clock = clock;
    this.#metrics = metrics;
    this.audio = call.path.audio;
  }

  audioDone(itemId: ItemId): void {
    if (!this.#call.isOver) this.#call.path.audioDone(itemId);
  }

  agentText(itemId: ItemId, text: string, final: boolean): void {
    if (!this.#call.isOver) this.#call.path.agentText(itemId, text, final);
  }

  agentWrote(itemId: ItemId, text: string): void {
    this.#call.eventLog.agentWrote(itemId, text);
  }

  callerText(itemId: ItemId, text: string): void {
    this.#call.eventLog.callerText(itemId, text);
    this.#call.transcripts.arrived(itemId);
  }

  callerTextFailed(itemId: ItemId, code: string): void {
    this.#metrics.upstreamErrors.add(1, "upstream_rejected");
    this.#call.eventLog.note("transcription_failed", { code });
    this.#call.log.warn("model: caller not transcribed", { code });
    this.#call.transcripts.arrived(itemId);
  }

  callerSpeech(state: "started" | "stopped", itemId: ItemId, audioMs: number): void {
    if (this.#call.isOver) return;
    const nowMs = this.#clock.nowMs();
    this.#call.budget.limits.callerActive(nowMs);
    this.#call.voicemail.machine.speech(state, nowMs);
    this.#call.path.callerSpeech(state, itemId, audioMs);
    this.#call.reply.callerSpeech(state === "started");
    if (state === "started") return;
    this.#call.transcripts.turn(itemId);
    this.#answerIsOwed();
  }

  callerTurn(itemId: ItemId): void {
    this.#call.transcripts.turn(itemId);
    this.#call.eventLog.callerTurn(itemId);
    this.#answerIsOwed();
  }

  /** The caller has spoken, whether or not the server makes a turn of it. */
  #answerIsOwed(): void {
    const { isOver, voicemail, reply } = this.#call;
    // The greeting of an answering machine needs no answer.
    if (!isOver && !voicemail.machine.isSpokenTo) reply.owe("caller_turn");
  }

  responseStarted(responseId: ResponseId): void {
    const { session, path, reply, budget, voicemail, isOver } = this.#call;
    // The call is over, or the model is answering a machine's greeting: it must not speak now.
    if (isOver || voicemail.machine.isSpokenTo) {
      session?.stopSpeaking();
      return;
    }
    reply.responseStarted(responseId);
    path.responseStarted(responseId);
    budget.limits.agentActive(this.#clock.nowMs());
  }

  responseDone(end: ResponseEnd): void {
    const { path, reply, budget, tools, eventLog, log, isOver } = this.#call;
    if (isOver) return;
    budget.limits.agentActive(this.#clock.nowMs());
    if (end.textOnly !== null) {
      eventLog.note("text_reply");
      log.warn("model: reply came as text");
    }
    if (end.status === "failed" || end.status === "incomplete") {
      eventLog.note("response_problem", { status: end.status, problem: end.problem });
      this.#metrics.upstreamErrors.add(1, "upstream_response_failed");
      log.warn("model: response not completed", { status: end.status, problem: end.problem });
    }
    const spoke = path.responseDone(end);
    reply.responseDone(end, spoke);
    if (end.calls.length > 0) tools.run({ ...end, spoke });
    else if (spoke) tools.replied();
    this.#call.playbackMoved();
  }

  usage(model: string, tokens: TokenUsage): void {
    this.#call.budget.usage(model, tokens);
  }

  transcriptionUsage(model: string, tokens: number, seconds: number): void {
    this.#call.budget.transcriptionUsage(model, tokens, seconds);
  }

  tokensRemaining(remaining: number, limit: number, resetSeconds: number): void {
    this.#call.budget.tokensRemaining(remaining, limit, resetSeconds);
  }

  idleTimeout(): void {
    if (this.#call.isOver) return;
    this.#call.budget.limits.modelPrompted();
    this.#call.eventLog.note("idle_timeout");
  }

  warning(code: string, about: "truncate" | "other"): void {
    if (about === "truncate") this.#metrics.truncationRejected.add(1);
    else this.#metrics.upstreamErrors.add(1, "upstream_rejected");
    this.#call.eventLog.note("model_refused", { code, about });
    this.#call.log.warn("model: request refused", { code, about });
  }

  mcpCallStarted({ name, serverLabel }: McpCall): void {
    this.#call.budget.limits.agentActive(this.#clock.nowMs());
    this.#call.reply.mcpStarted();
    this.#call.eventLog.toolsBegan();
    this.#call.log.info("mcp: call started", { tool: name, server: serverLabel });
  }

  mcpCallEnded(end: McpCallEnd): void {
    const { agent, eventLog, log, reply } = this.#call;
    reply.mcpEnded();
    eventLog.toolsEnded();
    recordMcpCall(end, agent, eventLog, this.#metrics);
    const fields = { tool: end.name, server: end.serverLabel, ms: end.ms };
    if (end.error === null) log.info("mcp: call finished", fields);
    else log.warn("mcp: call failed", fields);
  }

  mcpToolsFailed(serverLabel: string): void {
    this.#call.eventLog.note("mcp_tools_failed", { server: serverLabel });
    this.#call.log.warn("mcp: tools not listed", { server: serverLabel });
  }

  sessionPartRefused(part: SessionPart, tool: string | null): void {
    recordRefusedPart(part, tool, this.#call, this.#metrics);
  }

  probeAnswered(): void {}

  playback(what: "started" | "stopped" | "cleared", responseId: ResponseId | null): void {
    if (this.#call.isOver) return;
    this.#call.budget.limits.agentActive(this.#clock.nowMs());
    this.#call.path.playback(what, responseId);
    this.#call.playbackMoved();
  }

  cut(itemId: ItemId, heardMs: number): void {
    if (!this.#call.isOver) this.#call.path.cut(itemId, heardMs);
  }

  key(digit: string): void {
    if (!this.#call.isOver) this.#call.keys.pressed(digit);
  }
}
