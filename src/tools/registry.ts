import { RelayError } from "../domain/errors.js";
import type { JsonSchema } from "./schema-types.js";
import { type FunctionSpec, functionSpec, type Tool, type ToolArguments } from "./tool.js";

/** Compiles a JSON Schema; implemented by `adapters/tools/json-schema.ts`. */
export interface SchemaChecker {
  /** @throws RelayError `config_invalid` when the schema itself is wrong. */
  compile(schema: JsonSchema): SchemaCheck;
}

/** What is wrong with a value, in words that a model can act upon; null: nothing. */
export type SchemaCheck = (value: unknown) => string | null;

export type CheckedArguments =
  | { readonly ok: true; readonly args: ToolArguments }
  | { readonly ok: false; readonly problem: string };

interface Entry {
  readonly tool: Tool;
  readonly check: SchemaCheck;
}

/** @throws RelayError `config_invalid`: models give arguments as an object only. */
export function refuseOtherThanObject({
  name,
  parameters,
}: Pick<Tool, "name" | "parameters">): void {
  if (parameters["type"] !== "object")
    throw new RelayError("config_invalid", `tool ${name}: parameters must be of type object`);
}

/** The tools of one agent, by name. Schemas are compiled once, here. */
export class ToolRegistry {
  readonly #entries = new Map<string, Entry>();

  /** @throws RelayError `config_invalid` when two tools share a name or a schema is wrong. */
  constructor(tools: Iterable<Tool>, checker: SchemaChecker) {
    for (const tool of tools) {
      if (this.#entries.has(tool.name))
        throw new RelayError("config_invalid", `two tools are named ${tool.name}`);
      refuseOtherThanObject(tool);
      this.#entries.set(tool.name, { tool, check: checker.compile(tool.parameters) });
    }
  }

  get(name: string): Tool | null {
    return this.#entries.get(name)?.tool ?? null;
  }

  names(): readonly string[] {
    return [...this.#entries.keys()];
  }

  /** The `function` entries of the model's session. */
  specs(): readonly FunctionSpec[] {
    return [...this.#entries.values()].map(({ tool }) => functionSpec(tool));
  }

  /**
   * @param text  the arguments as the model wrote them; nothing at all counts as `{}`.
   * @throws      RelayError `tool_unknown`.
   */
  check(name: string, text: string): CheckedArguments {
    const entry = this.#entries.get(name);
    if (entry === undefined) throw new RelayError("tool_unknown", "no tool of that name");
    const value = parseJson(text.trim() === "" ? "{}" : text);
    const { tool, check } = entry;
    if (tool.readArguments !== undefined)
      return { ok: true, args: tool.readArguments(value, text) };
    if (value === undefined) return { ok: false, problem: "The arguments are not valid JSON." };
    const problem = check(value);
    if (problem !== null) return { ok: false, problem };
    return isObject(value)
      ? { ok: true, args: value }
      : { ok: false, problem: "The arguments must be a JSON object." };
  }
}

function isObject(value: unknown): value is ToolArguments {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Undefined, which JSON cannot express, when the text is not JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
