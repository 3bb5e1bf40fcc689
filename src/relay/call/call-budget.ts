import type { AgentProfile } from "../../domain/agent-profile.js";
import type { CallDirection, TokenUsage } from "../../domain/record-event.js";
import type { Clock } from "../../ports/clock.js";
import type { Log } from "../../ports/log.js";
import type { Metrics } from "../../ports/metrics.js";
import type { TranscriptionUse } from "../../records/cost.js";
import type { Admission } from "../calls/admission.js";
import { agentSpending, OUTBOUND_SPENDING } from "../calls/daily-spending.js";
import type { ModelSession } from "../model/model-session.js";
import type { CallEventLog } from "./call-event-log.js";
import type { Disposition } from "./call-events.js";
import type { CallPath } from "./call-path.js";
import { limitAction } from "./limit-action.js";
import { LimitWatch } from "./limit-watch.js";
import type { ReplyWatch } from "./reply-watch.js";

export interface CallBudgetDeps {
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, "tokens" | "cost">;
  readonly maxCallMinutes: number;
  /** What these tokens cost in USD; null: the model has no price. */
  readonly price: (model: string, tokens: TokenUsage) => number | null;
  /** What transcription costs in USD; null: its model has no price. */
  readonly transcriptionPrice: (model: string, use: TranscriptionUse) => number | null;
  /** Whether one more caller can be taken; null: MAX_CALLS alone decides. */
  readonly admission: Admission | null;
}

export interface LimitedCall {
  readonly session: Pick<ModelSession, "quiet"> | null;
  readonly path: Pick<CallPath, "isSilent">;
  readonly reply: Pick<ReplyWatch, "isCallerSpeaking">;
  /** The model speaks as these instructions say. */
  ask(instructions: string): void;
  leave(disposition: Disposition): void;
}

/** Below this share of the model's tokens per minute a warning is logged. */
const TOKENS_LOW = 0.1;

/** The limits of one call (minutes, cost, mutual silence), and how much of each is used. */
export class CallBudget {
  readonly limits: LimitWatch;
  readonly #agent: AgentProfile;
  readonly #direction: CallDirection;
  readonly #eventLog: CallEventLog;
  readonly #log: Log;
  readonly #deps: CallBudgetDeps;
  #costUsd = 0;

  constructor(
    agent: AgentProfile,
    direction: CallDirection,
    eventLog: CallEventLog,
    log: Log,
    deps: CallBudgetDeps,
  ) {
    this.limits = new LimitWatch(agent.limits, deps.maxCallMinutes);
    this.#agent = agent;
    this.#direction = direction;
    this.#eventLog = eventLog;
    this.#log = log;
    this.#deps = deps;
  }

  /** What the call has cost so far, as estimated by the price list. */
  get costUsd(): number {
    return this.#costUsd;
  }

  /** One response of the model. */
  usage(model: string, tokens: TokenUsage): void {
    this.#eventLog.usage(model, tokens);
    const { metrics, price } = this.#deps;
    metrics.tokens.add(tokens.inputText, model, "input_text");
    metrics.tokens.add(tokens.inputAudio, model, "input_audio");
    metrics.tokens.add(tokens.inputImage, model, "input_image");
    metrics.tokens.add(tokens.cachedText, model, "cached_text");
    metrics.tokens.add(tokens.cachedAudio, model, "cached_audio");
    metrics.tokens.add(tokens.cachedImage, model, "cached_image");
    metrics.tokens.add(tokens.outputText, model, "output_text");
    metrics.tokens.add(tokens.outputAudio, model, "output_audio");
    this.#addCost(model, price(model, tokens));
  }

  transcriptionUsage(model: string, tokens: number, seconds: number): void {
    this.#eventLog.write({ type: "transcription_usage", model, tokens, seconds });
    this.#addCost(model, this.#deps.transcriptionPrice(model, { tokens, seconds }));
  }

  #addCost(model: string, usd: number | null): void {
    if (usd === null) return;
    this.#deps.metrics.cost.add(usd, this.#agent.name, model);
    this.#costUsd += usd;
    const spending = this.#deps.admission?.spending ?? null;
    spending?.add(agentSpending(this.#agent.name), usd);
    if (this.#direction === "outbound") spending?.add(OUTBOUND_SPENDING, usd);
  }

  /** What the account behind the model has left of its tokens per minute. */
  tokensRemaining(remaining: number, limit: number, resetSeconds: number): void {
    const { admission, clock } = this.#deps;
    admission?.tokensLeft(this.#agent.model, remaining, limit, resetSeconds, clock.nowMs());
    if (remaining < limit * TOKENS_LOW)
      this.#log.warn("model: tokens per minute nearly used up", { remaining, limit });
  }

  /** While the agent talks with the caller: acts on a limit that is reached now. */
  watch(nowMs: number, call: LimitedCall): void {
    // A long turn is no silence: the caller would be asked whether they are there, or hung up on.
    if (call.reply.isCallerSpeaking) this.limits.callerActive(nowMs);
    const silent = call.session?.quiet === true && call.path.isSilent(nowMs);
    const limit = this.limits.check(nowMs, silent, this.#costUsd);
    if (limit === null) return;
    this.#eventLog.note("limit", { limit });
    const action = limitAction(limit, this.#agent);
    if (action.kind === "say") call.ask(action.instructions);
    else call.leave(action.disposition);
  }
}
