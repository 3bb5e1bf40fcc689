import type { Log } from "../../ports/log.js";
import type { ToolRunner } from "../../tools/runner.js";
import type { CallRequest } from "../../tools/tool.js";
import type { ResponseEnd, SessionTool } from "../model/model-session.js";
import type { Disposition, Farewell } from "./call-state.js";
import type { CallTools, ToolBatch, ToolHost } from "./call-tools.js";

/**
 * The tools of one call: what the model may ask for, and what a built-in tool's request does to the call. Running them,
 * with deadlines and limits, is the runner's.
 */
export class AgentTools implements CallTools {
  readonly specs: readonly SessionTool[];
  readonly #host: ToolHost;
  readonly #runner: ToolRunner;
  readonly #log: Log;
  #cancelled = false;

  constructor(host: ToolHost, specs: readonly SessionTool[], runner: ToolRunner, log: Log) {
    this.#host = host;
    this.specs = specs;
    this.#runner = runner;
    this.#log = log;
  }

  run(end: ResponseEnd, done: (batch: ToolBatch) => void): void {
    this.#runner
      .run(end.calls, (say) => this.#host.announce(say))
      .then(
        (runs) => {
          if (this.#cancelled) return;
          let departure: Disposition | null = null;
          for (const { request } of runs) {
            if (request !== null) departure ??= this.#carryOut(request, end.spoke ? "play" : "ask");
          }
          done({ runs, departure });
        },
        (error: unknown) => this.#log.error("tool runner failed", { code: "internal" }, error),
      );
  }

  /** The departure that the request means; null when the call stays. */
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

  cancel(): void {
    this.#cancelled = true;
    this.#runner.cancel();
  }
}
