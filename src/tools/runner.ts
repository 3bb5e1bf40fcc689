import { type ErrorCode, RelayError } from "../domain/errors.js";
import type { ToolCallId } from "../domain/ids.js";
import type { ToolOutcome } from "../domain/record-event.js";
import { stallAwareDeadline } from "../domain/stall.js";
import type { Clock } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import { END_CALL } from "./end-call.js";
import type { ToolRegistry } from "./registry.js";
import { MAX_OUTPUT_CHARS, resultText } from "./result-text.js";
import { RoundLimit } from "./round-limit.js";
import type { CallRequest, Tool, ToolArguments, ToolContext } from "./tool.js";
import { TRANSFER_CALL } from "./transfer-call.js";

export interface ToolCallAsked {
  readonly callId: ToolCallId;
  readonly name: string;
  /** JSON text, as the model wrote it. */
  readonly arguments: string;
}

export interface ToolAnswered {
  readonly callId: ToolCallId;
  /** As the model wrote it, at most MAX_NAME_CHARS. */
  readonly name: string;
  /** The name if the agent has such a tool, else "unknown": safe as a metric label. */
  readonly metricName: string;
  /** As the model wrote them, at most MAX_OUTPUT_CHARS. */
  readonly arguments: string;
  /** Text for the model. Never empty, at most MAX_OUTPUT_CHARS. */
  readonly output: string;
  readonly ms: number;
  readonly outcome: ToolOutcome;
  /** What a built-in tool asks of the call; null for every other, and when it failed. */
  readonly request: CallRequest | null;
}

/** What is under way, for those who keep the caller company meanwhile. */
export interface ToolRunObserver {
  /**
   * @param sayWhileWaiting  what the agents file has the agent say when the answer takes long;
   * null: nothing.
   */
  started(callId: ToolCallId, sayWhileWaiting: string | null): void;
  /** Exactly once for each `started`. */
  ended(callId: ToolCallId): void;
}

export interface ToolRunnerOptions {
  readonly registry: ToolRegistry;
  readonly clock: Clock;
  readonly log: Log;
  /** Of one call of the caller's. */
  readonly maxCalls: number;
  readonly context: () => Omit<ToolContext, "signal" | "nowEpochMs">;
}

/** The Realtime API allows 64. */
const MAX_NAME_CHARS = 128;

/** The ways out of a call stay open: they are what is left to do when a limit is reached. */
const WAYS_OUT: ReadonlySet<string> = new Set([TRANSFER_CALL, END_CALL]);

/** A tool call whose answer has not been given to the one who asked. */
interface Untold {
  readonly call: ToolCallAsked;
  readonly startedMs: number;
  /** Null: it is under way. */
  answered: ToolAnswered | null;
}

interface Ended {
  readonly output: string;
  readonly outcome: ToolOutcome;
  readonly request: CallRequest | null;
}

/**
 * Runs the tools of one caller's call: each within its deadline, those of one response side by
 * side. Every tool call is answered exactly once, whatever the tool does: hang, throw, or return
 * too much.
 */
export class ToolRunner {
  readonly #options: ToolRunnerOptions;
  readonly #rounds: RoundLimit;
  /** The caller has hung up: what is asked afterwards is cancelled at once. */
  #isOver = false;
  /** Aborted when the answers of the running tools are not waited for. Null: no tool has its signal. */
  #running: AbortController | null = null;
  #untold = new Set<Untold>();
  #asked = 0;

  constructor(options: ToolRunnerOptions) {
    this.#options = options;
    this.#rounds = new RoundLimit(options.clock);
  }

  /** @returns an answer for each call_id, in the order of the calls. Never rejects. */
  async run(
    calls: readonly ToolCallAsked[],
    observer: ToolRunObserver,
  ): Promise<readonly ToolAnswered[]> {
    const pauseMs = this.#rounds.begin();
    const startedMs = this.#options.clock.nowMs();
    const untold = withoutRepeats(calls).map(
      (call): Untold => ({ call, startedMs, answered: null }),
    );
    for (const one of untold) this.#untold.add(one);
    const answers = await Promise.all(untold.map((one) => this.#one(one, pauseMs, observer)));
    for (const one of untold) this.#untold.delete(one);
    this.#rounds.answered();
    return answers;
  }

  /** The model has answered the caller in words, and called no tool with them. */
  replied(): void {
    this.#rounds.replied();
  }

  /**
   * The caller is gone: running tools are told to stop, and are answered as cancelled, as is what
   * is asked later.
   *
   * @returns as `cancelRunning`.
   */
  cancel(): readonly ToolAnswered[] {
    this.#isOver = true;
    return this.cancelRunning();
  }

  /**
   * The model that asked is gone: running tools are told to stop, and are answered as cancelled.
   * Later ones run.
   *
   * @returns for the record, each tool call whose answer is not waited for any longer: those that
   * ran, and those that had ended while another of the same response ran.
   */
  cancelRunning(): readonly ToolAnswered[] {
    const running = this.#running;
    // What an aborted tool asks for next is not aborted with it.
    this.#running = null;
    running?.abort();
    return this.#takeUntold();
  }

  /** Made when it is needed: to abort one costs more than most of a call's end. */
  get #stopping(): AbortSignal {
    this.#running ??= new AbortController();
    return this.#running.signal;
  }

  #takeUntold(): readonly ToolAnswered[] {
    const untold = [...this.#untold];
    this.#untold.clear();
    return untold.map((one) => one.answered ?? this.#answered(one, CANCELLED));
  }

  async #one(one: Untold, pauseMs: number, observer: ToolRunObserver): Promise<ToolAnswered> {
    const { call } = one;
    const tool = this.#options.registry.get(call.name);
    observer.started(call.callId, tool?.sayWhileWaiting ?? null);
    const ended = await this.#answer(call, tool, pauseMs).catch((error: unknown) =>
      this.#notRead(tool, error),
    );
    observer.ended(call.callId);
    one.answered = this.#answered(one, ended);
    return one.answered;
  }

  #answered({ call, startedMs }: Untold, { output, outcome, request }: Ended): ToolAnswered {
    const { clock, registry } = this.#options;
    return {
      callId: call.callId,
      name: call.name.slice(0, MAX_NAME_CHARS),
      metricName: registry.get(call.name)?.name ?? "unknown",
      arguments: call.arguments.slice(0, MAX_OUTPUT_CHARS),
      output,
      ms: Math.round(clock.nowMs() - startedMs),
      outcome,
      request,
    };
  }

  /**
   * A check that fails by itself, for example because values are nested deeper than the stack is.
   */
  #notRead(tool: Tool | null, error: unknown): Ended {
    const fields = { tool: tool?.name ?? "unknown", code: "tool_arguments_invalid" } as const;
    this.#options.log.warn("tools: arguments not read", fields, error);
    return failed("invalid", "The arguments cannot be read.");
  }

  async #answer(call: ToolCallAsked, tool: Tool | null, pauseMs: number): Promise<Ended> {
    const { registry, maxCalls } = this.#options;
    if (tool === null || !WAYS_OUT.has(tool.name)) {
      // A model that does nothing but call tools is slowed down, so that the loop costs little.
      if (pauseMs > 0) return this.#after(pauseMs, failed("denied", SPEAK_FIRST));
      if (tool === null) return failed("invalid", unknownTool(registry.names()));
      if (++this.#asked > maxCalls) return failed("denied", NO_CALLS_LEFT);
    }
    const checked = registry.check(call.name, call.arguments);
    return checked.ok ? this.#run(tool, checked.args) : failed("invalid", checked.problem);
  }

  #after(ms: number, ended: Ended): Promise<Ended> {
    if (this.#isOver) return Promise.resolve(ended);
    return new Promise((resolve) => {
      const signal = this.#stopping;
      const finish = (): void => {
        timer.cancel();
        signal.removeEventListener("abort", finish);
        resolve(ended);
      };
      const timer = this.#options.clock.after(ms, finish);
      signal.addEventListener("abort", finish, { once: true });
    });
  }

  #run(tool: Tool, args: ToolArguments): Promise<Ended> {
    if (this.#isOver) return Promise.resolve(CANCELLED);
    const { clock, log } = this.#options;
    const deadline = new AbortController();
    const stopping = this.#stopping;
    const context: ToolContext = {
      ...this.#options.context(),
      signal: AbortSignal.any([deadline.signal, stopping]),
      nowEpochMs: clock.epochMs(),
    };
    return new Promise<Ended>((resolve) => {
      const finish = (ended: Ended): void => {
        timer.cancel();
        stopping.removeEventListener("abort", cancelled);
        resolve(ended);
      };
      const cancelled = (): void => finish(CANCELLED);
      // Its answer may have come while this process stood still, and is still unread.
      const timer = stallAwareDeadline(clock, tool.timeoutMs, () => {
        finish(failed("timeout", "The tool did not answer in time."));
        deadline.abort();
      });
      stopping.addEventListener("abort", cancelled, { once: true });
      answerOf(tool, args, context).then(finish, (error: unknown) => {
        const code = error instanceof RelayError ? error.code : "tool_failed";
        log.warn("tools: tool failed", { tool: tool.name, code }, error);
        finish(failed(outcomeOf(code), problemOf(error)));
      });
    });
  }
}

/**
 * An async function, so that a throw counts as a rejection; so does a result that cannot be read.
 */
async function answerOf(tool: Tool, args: ToolArguments, context: ToolContext): Promise<Ended> {
  const { output, request } = await tool.run(args, context);
  return { output: resultText(output), outcome: "ok", request: request ?? null };
}

/** A call_id is answered once, so it is run once. */
function withoutRepeats(calls: readonly ToolCallAsked[]): readonly ToolCallAsked[] {
  return [...new Map(calls.toReversed().map((call) => [call.callId, call])).values()].toReversed();
}

const SPEAK_FIRST =
  "You have called tools again and again without a word to the caller. " +
  "Speak to the caller now, and call no tool.";

const NO_CALLS_LEFT =
  "Too many tool calls in this call: this one was not run. " +
  "Go on without tools, or hand over to a human.";

function unknownTool(names: readonly string[]): string {
  const known = names.length === 0 ? "You have no tools." : `Your tools: ${names.join(", ")}.`;
  return `There is no tool of that name. ${known}`;
}

function failed(outcome: ToolOutcome, error: string): Ended {
  return { output: resultText({ error }), outcome, request: null };
}

/** Also of a tool that has done its work, because its answer has come too late. */
const CANCELLED: Ended = failed("cancelled", "The call has gone on without it.");

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

/**
 * Our own errors hold no secret. A foreign message may, so the model only learns that the tool
 * failed.
 */
function problemOf(error: unknown): string {
  return error instanceof RelayError ? error.message : "The tool failed.";
}
