/**
 * Tools that are TypeScript or JavaScript modules of the operator's own. The only user of tsx.
 */
import { pathToFileURL } from "node:url";
import type { ToolDefinition } from "../../domain/agent-profile.js";
import { RelayError } from "../../domain/errors.js";
import type { Tool, ToolArguments, ToolContext, ToolResult } from "../../tools/tool.js";
import { resolveOwnPackage } from "./own-package.js";

interface Declared {
  readonly description: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly timeoutMs: number | null;
  readonly sayWhileWaiting: string | null;
  run(args: ToolArguments, context: ToolContext): Promise<ToolResult>;
}

/**
 * Loads what `defineTool` declared: the default export, else the export of the tool's name, else the only one.
 * The agents file's description and parameters win where it gives them.
 *
 * @param path  absolute.
 * @throws      RelayError `config_invalid`: the module cannot be loaded, or exports no tool.
 */
export async function loadModuleTool(
  definition: Omit<ToolDefinition, "source">,
  path: string,
): Promise<Tool> {
  const exported = await load(definition.name, path);
  const declared = await pick(exported, definition.name);
  if (declared === null)
    throw new RelayError(
      "config_invalid",
      `tool ${definition.name}: ${path} exports no defineTool({…})`,
    );
  const { name, description, parameters, timeoutMs, sayWhileWaiting } = definition;
  const given = typeof parameters["properties"] === "object" && !isEmpty(parameters["properties"]);
  return {
    name,
    description: description === "" ? declared.description : description,
    parameters: given ? parameters : declared.parameters,
    timeoutMs: declared.timeoutMs ?? timeoutMs,
    sayWhileWaiting: sayWhileWaiting ?? declared.sayWhileWaiting,
    run: (args, context) => declared.run(args, context),
  };
}

async function load(name: string, path: string): Promise<unknown> {
  resolveOwnPackage();
  try {
    const { tsImport } = await import("tsx/esm/api");
    return await tsImport(pathToFileURL(path).href, import.meta.url);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new RelayError("config_invalid", `tool ${name}: ${path} cannot be loaded: ${why}`, {
      cause: error,
    });
  }
}

/** A CommonJS module has its exports under `default` once more, and may export promises. */
async function pick(exported: unknown, name: string): Promise<Declared | null> {
  if (!isObject(exported)) return null;
  const fallback: unknown = await exported["default"];
  const own = readTool(fallback) ?? readTool(await exported[name]);
  if (own !== null) return own;
  if (isObject(fallback) && fallback !== exported) {
    const nested = await pick(fallback, name);
    if (nested !== null) return nested;
  }
  const values = await Promise.all(Object.values(exported));
  const tools = values.flatMap((value) => readTool(value) ?? []);
  return tools.length === 1 ? (tools[0] ?? null) : null;
}

const TOOL = Symbol.for("murelay.tool");

function readTool(value: unknown): Declared | null {
  return isDeclared(value) ? value : null;
}

/** Marked by `defineTool`, perhaps by another copy of it than ours. */
function isDeclared(value: unknown): value is Declared {
  return (
    isObject(value) &&
    Reflect.get(value, TOOL) === true &&
    typeof value["run"] === "function" &&
    isObject(value["parameters"])
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function isEmpty(value: unknown): boolean {
  return isObject(value) && Object.keys(value).length === 0;
}
