import {
  TOOL_MODULE,
  TOOL_TIMEOUT,
  type ToolArguments,
  type ToolContext,
  type ToolModule,
} from "../../tools/tool.js";
import { type DeclaredTool, isRecord } from "./tool-messages.js";

/** A tool of a loaded module. */
export interface RunnableTool {
  readonly declared: Omit<DeclaredTool, "key">;
  run(args: ToolArguments, context: ToolContext): Promise<{ readonly output: unknown }>;
}

/**
 * The tools that a module exports, by the names of their exports. A CommonJS module has its exports
 * below `default`, those of a compiled one twice, and may export promises.
 *
 * @throws RangeError a tool's `timeoutMs` is out of range.
 */
export async function exportedTools(exported: unknown): Promise<ReadonlyMap<string, RunnableTool>> {
  const found = new Map<string, RunnableTool>();
  await collect(isToolModule(exported) ? { default: exported } : exported, found, 0);
  return found;
}

async function collect(
  exported: unknown,
  found: Map<string, RunnableTool>,
  depth: number,
): Promise<void> {
  if (typeof exported !== "object" || exported === null || depth > 2) return;
  for (const [key, promised] of Object.entries(exported)) {
    const value: unknown = await promised;
    if (isToolModule(value)) {
      if (!found.has(key)) found.set(key, runnable(value, key));
    } else if (key === "default") await collect(value, found, depth + 1);
  }
}

/** Marked by `defineTool`, perhaps by another copy of it than ours. */
function isToolModule(value: unknown): value is ToolModule {
  return (
    isRecord(value) &&
    Reflect.get(value, TOOL_MODULE) === true &&
    typeof value["run"] === "function" &&
    isRecord(value["parameters"])
  );
}

function runnable(tool: ToolModule, key: string): RunnableTool {
  const { description, parameters, timeoutMs, sayWhileWaiting } = tool;
  refuseOtherTimeouts(timeoutMs, key);
  return {
    declared: {
      description: String(description ?? ""),
      parameters,
      timeoutMs: timeoutMs ?? null,
      sayWhileWaiting,
    },
    run: async (args, context) => tool.run(args, context),
  };
}

/** JavaScript may have written anything, and what is no number would be lost on its way here. */
function refuseOtherTimeouts(value: unknown, key: string): void {
  const { min, max } = TOOL_TIMEOUT;
  if (value === null || value === undefined) return;
  if (Number.isInteger(value) && Number(value) >= min && Number(value) <= max) return;
  const written = typeof value === "string" ? JSON.stringify(value) : String(value);
  const error = new RangeError(
    `timeoutMs of the export "${key}" is ${written.slice(0, 40)}: ` +
      `it must be a whole number of milliseconds from ${min} to ${max}`,
  );
  // The fault is the module's, and no line here would help its author.
  error.stack = "";
  throw error;
}

/**
 * The tool that is meant: the default export, else the export of the tool's name, else the only
 * one.
 *
 * @param name  in the agents file.
 */
export function pickTool(tools: readonly DeclaredTool[], name: string): DeclaredTool | null {
  return (
    tools.find(({ key }) => key === "default") ??
    tools.find(({ key }) => key === name) ??
    (tools.length === 1 ? (tools[0] ?? null) : null)
  );
}
