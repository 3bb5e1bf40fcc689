/**
 * What the relay, the launcher of tool processes and those processes say to each other. Plain JSON.
 *
 * relay ⇄ launcher ⇄ one process for each module
 */

import type { ToolArguments, ToolContext } from "../../tools/tool.js";
import type { StartedProcess } from "./process-groups.js";

/** A tool that a module declares. */
export interface DeclaredTool {
  /** The name of its export. */
  readonly key: string;
  readonly description: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly timeoutMs: number | null;
  readonly sayWhileWaiting: string | null;
}

/** The context of a call, but for its signal: an `abort` takes that one's place. */
export type PlainContext = Omit<ToolContext, "signal">;

interface Call {
  readonly type: "call";
  readonly id: number;
  readonly key: string;
  readonly args: ToolArguments;
  readonly context: PlainContext;
}

interface Abort {
  readonly type: "abort";
  readonly id: number;
}

/**
 * A module as it was when a version of the agents file was read. Each version has a process of its
 * own.
 */
export interface ModuleVersion {
  readonly path: string;
  readonly version: number;
}

export type ToLauncher =
  | ({ readonly type: "describe"; readonly id: number } & ModuleVersion)
  /** The module of this version runs from now on, until it is not used any more or is replaced. */
  | ({ readonly type: "keep_ready" } & ModuleVersion)
  /** A call may come soon. */
  | ({ readonly type: "warm" } & ModuleVersion)
  | (Call & ModuleVersion)
  | Abort;

export type FromLauncher =
  | { readonly type: "described"; readonly id: number; readonly tools: readonly DeclaredTool[] }
  /** The module cannot be loaded. */
  | { readonly type: "load_failed"; readonly id: number; readonly reason: string }
  | Result
  | Failure
  /** The tool's process died, hangs, or cannot be started. */
  | { readonly type: "unavailable"; readonly id: number; readonly reason: string }
  | LauncherNews;

/** What no request asked for. */
export type LauncherNews =
  /** For the relay's log. */
  | { readonly type: "warning"; readonly module: string; readonly reason: string }
  /** A tool process, which leads a group of its own, for the case that the launcher is killed. */
  | { readonly type: "process_started"; readonly process: StartedProcess }
  | { readonly type: "process_ended"; readonly pid: number };

export type ToToolProcess = Call | Abort | { readonly type: "ping"; readonly id: number };

export type FromToolProcess =
  | { readonly type: "ready"; readonly tools: readonly DeclaredTool[] }
  | { readonly type: "load_failed"; readonly reason: string }
  /** The call has reached the tool. */
  | { readonly type: "started"; readonly id: number }
  | Result
  | Failure
  | { readonly type: "aborted"; readonly id: number }
  | { readonly type: "pong"; readonly id: number };

interface Result {
  readonly type: "result";
  readonly id: number;
  /** For the model: text, never too long. */
  readonly output: string;
}

/** The tool threw. */
interface Failure {
  readonly type: "error";
  readonly id: number;
  /** For the log. */
  readonly stack: string;
}

/** Null: not a message of ours. A module runs in the same process and may send what it likes. */
export function readToolMessage(value: unknown): FromToolProcess | null {
  if (!isRecord(value)) return null;
  const { type, id } = value;
  switch (type) {
    case "ready":
      return readReady(value["tools"]);
    case "load_failed":
      return { type, reason: String(value["reason"]) };
    default:
      return typeof id === "number" ? readNumbered(type, id, value) : null;
  }
}

function readNumbered(
  type: unknown,
  id: number,
  { output, stack }: Readonly<Record<string, unknown>>,
): FromToolProcess | null {
  switch (type) {
    case "result":
      return typeof output === "string" ? { type, id, output } : null;
    case "error":
      return { type, id, stack: String(stack) };
    case "started":
    case "aborted":
    case "pong":
      return { type, id };
    default:
      return null;
  }
}

function readReady(tools: unknown): FromToolProcess | null {
  if (!Array.isArray(tools)) return null;
  const read = tools.map(readDeclared);
  return read.every((tool) => tool !== null) ? { type: "ready", tools: read } : null;
}

function readDeclared(value: unknown): DeclaredTool | null {
  if (!isRecord(value)) return null;
  const { key, description, parameters, timeoutMs, sayWhileWaiting } = value;
  if (typeof key !== "string" || typeof description !== "string" || !isRecord(parameters))
    return null;
  return {
    key,
    description,
    parameters,
    timeoutMs: typeof timeoutMs === "number" ? timeoutMs : null,
    sayWhileWaiting: typeof sayWhileWaiting === "string" ? sayWhileWaiting : null,
  };
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
