/**
 * A tool is something that the model may ask for during a call. A tool never touches the call
 * itself; the built-in ones say as data what they want of it (`CallRequest`).
 */
import type { Urgency } from "../domain/agent-profile.js";
import type { CallSid } from "../domain/ids.js";
import type { ArgumentsOf, JsonSchema } from "./schema-types.js";

/** A caller waits no longer for one call of a tool, whichever kind it is. In ms. */
export const TOOL_TIMEOUT = { min: 50, max: 60_000 };

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** Arguments that have passed the tool's own schema: always an object. */
export type ToolArguments = Readonly<Record<string, unknown>>;

/** What a tool may know of the call that it works for. */
export interface ToolContext {
  readonly callSid: CallSid;
  /**
   * The caller's number as Twilio says it: E.164, `client:…`, `sip:…` or a word such as
   * "anonymous".
   */
  readonly from: string;
  readonly to: string;
  /** Name of the agent. */
  readonly agent: string;
  /** BCP 47 tag of the language that the caller is spoken to in. */
  readonly language: string;
  /** Aborted when the caller hangs up or the tool's time is over: stop working then. */
  readonly signal: AbortSignal;
  /** W3C Trace Context: hand it on to what you call. Absent: calls are not traced. */
  readonly traceparent?: string;
  /** Wall clock, ms since the epoch, when the tool was called. */
  readonly nowEpochMs: number;
}

/**
 * What a built-in tool asks of the call that it was called from. The relay does it; the tool does
 * nothing.
 */
export type CallRequest =
  | {
      readonly kind: "transfer";
      readonly destination: string;
      readonly reason: string | null;
      readonly summary: string | null;
      readonly urgency: Urgency | null;
    }
  | { readonly kind: "end"; readonly reason: string }
  | { readonly kind: "language"; readonly language: string }
  | { readonly kind: "dtmf"; readonly digits: string };

export interface ToolResult {
  /** For the model. Text goes as it is, anything else as JSON. */
  readonly output: JsonValue;
  readonly request?: CallRequest;
}

export interface Tool {
  readonly name: string;
  /** Shown to the model. */
  readonly description: string;
  /** JSON Schema of the arguments: always of an object. */
  readonly parameters: JsonSchema;
  readonly timeoutMs: number;
  /** What the agent says when the answer takes long; null: nothing. */
  readonly sayWhileWaiting: string | null;
  /**
   * Makes arguments of whatever the model wrote, in place of the check against `parameters`: for
   * tools that must not fail over a form. `value` undefined: `text` is not JSON.
   */
  readArguments?(value: unknown, text: string): ToolArguments;
  /** May reject: the runner turns that into an answer. `args` have passed `parameters`. */
  run(args: ToolArguments, context: ToolContext): Promise<ToolResult>;
}

/** A tool as it is described to the model. */
export interface FunctionSpec {
  readonly type: "function";
  readonly name: string;
  readonly description: string;
  readonly parameters: JsonSchema;
}

export function functionSpec(tool: Tool): FunctionSpec {
  const { name, description, parameters } = tool;
  return { type: "function", name, description, parameters };
}

/** A registered symbol: the module may have loaded its own copy of this file. */
export const TOOL_MODULE: unique symbol = Symbol.for("murelay.tool");

/** What a tool module exports. */
export interface ToolModule {
  readonly [TOOL_MODULE]: true;
  readonly name: string | null;
  readonly description: string;
  readonly parameters: JsonSchema;
  readonly timeoutMs: number | null;
  readonly sayWhileWaiting: string | null;
  run(args: ToolArguments, context: ToolContext): Promise<ToolResult>;
}

export interface ToolDeclaration<Schema extends JsonSchema> {
  /** Defaults to the name in the agents file. */
  readonly name?: string;
  readonly description: string;
  readonly parameters: Schema;
  /** Of one call: 50 to 60,000, as in the agents file, whose `timeout_ms` applies without it. */
  readonly timeoutMs?: number;
  readonly sayWhileWaiting?: string;
  /**
   * Return what the model is to read: text, or a value that becomes JSON. A throw becomes an
   * answer, too.
   */
  run(args: ArgumentsOf<Schema>, context: ToolContext): Promise<JsonValue> | JsonValue;
}

/**
 * Declares a tool in a TypeScript or JavaScript module of its own. The type of `args` follows from
 * `parameters`.
 *
 * ```ts
 * import { defineTool } from "murelay";
 *
 * export default defineTool({
 *   description: "Refund an order",
 *   parameters: { type: "object", properties: { order: { type: "string" } }, required: ["order"] },
 *   run: async ({ order }, { signal }) => ({ refunded: await refund(order, signal) }),
 * });
 * ```
 */
export function defineTool<const Schema extends JsonSchema>(
  declaration: ToolDeclaration<Schema>,
): ToolModule {
  const { name, description, parameters, timeoutMs, sayWhileWaiting } = declaration;
  return {
    [TOOL_MODULE]: true,
    name: name ?? null,
    description,
    parameters,
    timeoutMs: timeoutMs ?? null,
    sayWhileWaiting: sayWhileWaiting ?? null,
    // The runner has checked the arguments against the very schema that their type was taken from.
    run: async (args, context) => ({
      output: await declaration.run(args as ArgumentsOf<Schema>, context),
    }),
  };
}
