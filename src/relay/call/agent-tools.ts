import type { ToolRunner } from "../../tools/runner.js";
import type { CallRequest } from "../../tools/tool.js";
import type { ResponseEnd, SessionTool } from "../model/model-session.js";
import type { Disposition, Farewell } from "./call-events.js";
import type { CallTools, ToolBatch, ToolHost, ToolRun } from "./call-tools.js";

/**
 * The tools of one call: what the model may ask for, and what a built-in tool's request means for
 * the call. Running them, with deadlines and limits, is the runner's task.
 */
export class AgentTools implements CallTools {
  readonly specs: readonly SessionTool[];
  readonly #host: ToolHost;
  readonly #runner: ToolRunner;
  /** Grows with each cancellation: results of an earlier round are dropped. */
  #round = 0;

  constructor(host: ToolHost, specs: readonly SessionTool[], runner: ToolRunner) {
    this.#host = host;
    this.specs = specs;
    this.#runner = runner;
  }

  run(end: ResponseEnd, done: (batch: ToolBatch) => void): void {
    const round = this.#round;
    this.#runner.run(end.calls, this.#host.toolRuns).then(
      (runs) => {
        if (round !== this.#round) return;
        const farewell: Farewell = end.spoke ? "play" : "ask";
        const wanted = runs.flatMap(({ request }) =>
          request === null ? [] : (this.#carryOut(request, farewell) ?? []),
        );
        // A caller who is promised a human is not hung up on.
        const disposition = wanted.find(({ kind }) => kind === "transfer") ?? wanted[0] ?? null;
        done({ runs, disposition });
      },
      (error: unknown) => this.#host.log.error("tools: runner failed", { code: "internal" }, error),
    );
  }

  /** The disposition that the request leads to; null: the caller stays with the agent. */
  #carryOut(request: CallRequest, farewell: Farewell): Disposition | null {
    switch (request.kind) {
      case "transfer": {
        const { destination, reason, summary, urgency } = request;
        return {
          kind: "transfer",
          farewell,
          request: { destination, reason, summary, urgency, by: "agent" },
        };
      }
      case "end":
        return { kind: "end", reason: request.reason, farewell };
      case "language":
        this.#host.setLanguage(request.language);
        return null;
      case "dtmf":
        this.#host.sendDtmf(request.digits);
        return null;
    }
  }

  replied(): void {
    this.#runner.replied();
  }

  cancelRunning(): readonly ToolRun[] {
    this.#round++;
    return this.#runner.cancelRunning();
  }

  cancel(): readonly ToolRun[] {
    this.#round++;
    return this.#runner.cancel();
  }
}
