import { type ErrorCode, RelayError } from "../domain/errors.js";
import type { ToolCallId } from "../domain/ids.js";
import type { ToolOutcome } from "../domain/record-event.js";
import { stallAwareDeadline } from "../domain/stall.js";
import type { Clock } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import { END_CALL } from "./end-call.js";
import type { ToolRegistry } from "./registry.js";
import type { CallRequest, JsonValue, ToolContext } from "./tool.js";
import { TRANSFER_CALL } from "./transfer-call.js";

export interface ToolCallAsked {
  readonly callId: ToolCallId;
  readonly name: string;
  /** JSON text, as the model wrote it. */
  readonly arguments: string;
}

export interface ToolAnswered {
  readonly callId: ToolCallId;
  readonly name: string;
  /** The name if the agent has such a tool, else "unknown": safe as a metric label. */
  readonly metricName: string;
  readonly arguments: string;
  /** Text for the model. Never empty, at most MAX_OUTPUT_CHARS. */
  readonly output: string;
  readonly ms: number;
  readonly outcome: ToolOutcome;
  /** What a built-in tool asks of the call; null for every other, and when it failed. */
  readonly request: CallRequest | null;
}

export interface ToolRunnerOptions {
  readonly registry: ToolRegistry;
  readonly clock: Clock;
  readonly log: Log;
  /** Of one call of the caller's. */
  readonly maxCalls: number;
  readonly context: () => Omit<ToolContext, "signal" | "nowEpochMs">;
}

/** More does not help a model that has to speak it, and costs input tokens at every later turn. */
export const MAX_OUTPUT_CHARS = 16_384;
/** Shorter waits are not noticed on a phone. */
export const SLOW_MS = 700;

const WAYS_OUT: ReadonlySet<string> = new Set([TRANSFER_CALL, END_CALL]);

type Ended = {
  readonly output: JsonValue;
  readonly outcome: ToolOutcome;
  readonly request: CallRequest | null;
};

/**
 * Runs the tools of one caller's call: each within its deadline, those of one response side by side. Every call is
 * answered once, whatever it does: hang, throw, or return too much.
 */
export class ToolRunner {
  readonly #options: ToolRunnerOptions;
  readonly #hangUp = new AbortController();
  #asked = 0;

  constructor(options: ToolRunnerOptions) {
    this.#options = options;
  }

  /**
   * @param onSlow  called at most once per batch, with the `say_while_waiting` of the first tool that takes longer than
   *                SLOW_MS.
   * @returns       an answer for each call, in their order. Never rejects.
   */
  async run(
    calls: readonly ToolCallAsked[],
    onSlow: (say: string) => void,
  ): Promise<readonly ToolAnswered[]> {
    let said = false;
    const slow = (say: string): void => {
      if (!said) onSlow(say);
      said = true;
    };
    return Promise.all(calls.map((call) => this.#one(call, slow)));
  }

  /** The caller is gone: running tools are told to stop, and are answered as cancelled. */
  cancel(): void {
    this.#hangUp.abort();
  }

  async #one(call: ToolCallAsked, onSlow: (say: string) => void): Promise<ToolAnswered> {
    const { clock, registry } = this.#options;
    const startedMs = clock.nowMs();
    const ended = await this.#answer(call, onSlow);
    return {
      ...call,
      metricName: registry.get(call.name) === null ? "unknown" : call.name,
      output: outputText(ended.output),
      ms: Math.round(clock.nowMs() - startedMs),
      outcome: ended.outcome,
      request: ended.request,
    };
  }

  async #answer(call: ToolCallAsked, onSlow: (say: string) => void): Promise<Ended> {
    const { registry, maxCalls, clock, log } = this.#options;
    const tool = registry.get(call.name);
    if (tool === null) return failed("invalid", "There is no tool of that name.");
    // The two ways out of a call stay open: they are what is left to do.
    if (!WAYS_OUT.has(tool.name) && ++this.#asked > maxCalls) {
      return failed(
        "denied",
        "Too many tool calls in this call. Go on without tools, or hand over to a human.",
      );
    }
    const checked = registry.check(call.name, call.arguments);
    if (!checked.ok) return failed("invalid", checked.problem);

    const stop = new AbortController();
    const hungUp = this.#hangUp.signal;
    const context: ToolContext = {
      ...this.#options.context(),
      signal: AbortSignal.any([stop.signal, hungUp]),
      nowEpochMs: clock.epochMs(),
    };
    return new Promise<Ended>((resolve) => {
      const finish = (ended: Ended): void => {
        timer.cancel();
        waiting?.cancel();
        hungUp.removeEventListener("abort", cancelled);
        resolve(ended);
      };
      const cancelled = (): void => finish(failed("cancelled", "The caller hung up."));
      // Its answer may have come while this process stood still, and is still unread.
      const timer = stallAwareDeadline(clock, tool.timeoutMs, () => {
        finish(failed("timeout", "The tool did not answer in time."));
        stop.abort();
      });
      const say = tool.sayWhileWaiting;
      const waiting = say === null ? null : clock.after(SLOW_MS, () => onSlow(say));
      if (hungUp.aborted) {
        cancelled();
        return;
      }
      hungUp.addEventListener("abort", cancelled, { once: true });
      // An async arrow, so that a tool that throws at once is answered like one that rejects.
      (async () => tool.run(checked.args, context))().then(
        ({ output, request }) => finish({ output, outcome: "ok", request: request ?? null }),
        (error: unknown) => {
          const code = error instanceof RelayError ? error.code : "tool_failed";
          log.warn("tool failed", { tool: tool.name, code }, error);
          finish(failed(outcomeOf(code), problemOf(error)));
        },
      );
    });
  }
}

function failed(outcome: ToolOutcome, error: string): Ended {
  return { output: { error }, outcome, request: null };
}

function outcomeOf(code: ErrorCode): ToolOutcome {
  switch (code) {
    case "tool_timeout":
      return "timeout";
    case "tool_arguments_invalid":
      return "invalid";
    case "tool_blocked":
      return "denied";
    default:
      return "error";
  }
}

/** Our own errors hold no secret; a stranger's message may, so the model is only told that it failed. */
function problemOf(error: unknown): string {
  return error instanceof RelayError ? error.message : "The tool failed.";
}

function outputText(output: JsonValue): string {
  // A module may return what JSON cannot say, whatever its type promises.
  const text = typeof output === "string" ? output : (JSON.stringify(output) ?? "null");
  if (text.length <= MAX_OUTPUT_CHARS) return text === "" ? '""' : text;
  const note = ` … (cut: ${text.length} characters, the first ${MAX_OUTPUT_CHARS - 80} are shown)`;
  return text.slice(0, MAX_OUTPUT_CHARS - 80) + note;
}
