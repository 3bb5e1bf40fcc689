import type { TransferRequest } from "../../domain/transfer-request.js";
import type { Metrics } from "../../ports/metrics.js";
import { TRANSFER_CALL } from "../../tools/transfer-call.js";
import type { ModelSession, ResponseEnd } from "../model/model-session.js";
import type { CallEventLog } from "./call-event-log.js";
import type { Disposition } from "./call-events.js";
import type { CallTools, ToolBatch, ToolRun } from "./call-tools.js";
import * as prompts from "./prompts.js";

export interface ToolAnswersHost {
  readonly session: ModelSession | null;
  readonly eventLog: CallEventLog;
  readonly isOver: boolean;
  /** The model stays with the caller while this transfer is under way. */
  agentStaysDuring(request: TransferRequest): boolean;
  leave(disposition: Disposition): void;
}

interface Untold {
  /** The model's conversation in which the tools were called. */
  readonly conversation: number;
  readonly runs: readonly ToolRun[];
  /** The model is asked to reply to the answers. */
  readonly wantsReply: boolean;
}

/**
 * Runs the tools that the model asks for, and gives each answer to the session that is ready when
 * the answer comes.
 */
export class ToolAnswers {
  readonly #tools: CallTools;
  readonly #host: ToolAnswersHost;
  readonly #metrics: Pick<Metrics, "toolSeconds">;
  /** Answers that came while there was no session. */
  #untold: Untold[] = [];
  /** Grows with each session that begins a new conversation. */
  #conversation = 0;

  constructor(tools: CallTools, host: ToolAnswersHost, metrics: Pick<Metrics, "toolSeconds">) {
    this.#tools = tools;
    this.#host = host;
    this.#metrics = metrics;
  }

  /**
   * @param end  the response that holds the calls; `spoke` decides whether a farewell is still to
   * be asked for.
   */
  run(end: ResponseEnd): void {
    const conversation = this.#conversation;
    this.#host.eventLog.toolsBegan();
    this.#tools.run(end, (batch) => {
      this.#answered(batch, conversation);
      this.#host.eventLog.toolsEnded();
    });
  }

  /** The model has answered the caller in words, and called no tool with them. */
  replied(): void {
    this.#tools.replied();
  }

  #answered({ runs, disposition }: ToolBatch, conversation: number): void {
    const { session, isOver } = this.#host;
    if (isOver) return;
    this.#record(runs);
    const stays =
      disposition?.kind === "transfer" && this.#host.agentStaysDuring(disposition.request);
    const untold: Untold = {
      conversation,
      runs: stays ? runs.map(keepingCompany) : runs,
      wantsReply: disposition === null || stays,
    };
    if (session === null) this.#untold.push(untold);
    else this.#tell(session, untold);
    if (disposition !== null) this.#host.leave(disposition);
  }

  #record(runs: readonly ToolRun[]): void {
    for (const run of runs) {
      this.#metrics.toolSeconds.observe(run.ms / 1000, run.metricName, run.outcome);
      const { callId, name, output, ms, outcome } = run;
      this.#host.eventLog.tool(callId, name, run.arguments, output, ms, outcome);
    }
  }

  /** A session with a new conversation is being opened; its history holds every answer so far. */
  conversationBegins(): void {
    this.#conversation++;
    this.#untold = [];
  }

  /** A session is ready. True: the model was told answers, and goes on with them. */
  sessionReady(session: ModelSession): boolean {
    const untold = this.#untold;
    this.#untold = [];
    for (const one of untold) this.#tell(session, one);
    return untold.some(({ wantsReply }) => wantsReply);
  }

  #tell(session: ModelSession, { conversation, runs, wantsReply }: Untold): void {
    if (conversation === this.#conversation) {
      session.toolResults(runs, wantsReply);
      return;
    }
    // The model that asked is gone. The present one is told the answers as facts.
    if (!wantsReply) return;
    for (const run of runs) session.note(prompts.lateToolResult(run.name, run.output));
    session.requestResponse();
  }

  /** The model that asked is gone: cancels the tools that still run. */
  cancelRunning(): void {
    this.#record(this.#tools.cancelRunning());
    this.#host.eventLog.toolsForgotten();
  }

  /** The call is over. */
  cancel(): void {
    this.#record(this.#tools.cancel());
    this.#untold = [];
  }
}

/** The tool's own answer tells the model to fall silent. Here the model stays with the caller. */
function keepingCompany(run: ToolRun): ToolRun {
  if (run.name !== TRANSFER_CALL || run.outcome !== "ok") return run;
  return { ...run, output: JSON.stringify({ ok: true, note: prompts.KEEP_COMPANY }) };
}
