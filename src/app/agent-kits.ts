/**
 * The tools of the agents of one file. What may fail is done when the file is read; an agent's
 * tools are made when it has its first call. A large file would otherwise become thousands of
 * objects at once, which the garbage collector moves while calls wait for it.
 */
import type { Network } from "../adapters/network/network.js";
import { inSlices } from "../adapters/system/slices.js";
import { createHttpTool } from "../adapters/tools/http-tool.js";
import { checkCode, checkFromCode } from "../adapters/tools/json-schema.js";
import type { ToolLauncher } from "../adapters/tools/launcher-client.js";
import { loadModuleTool } from "../adapters/tools/module-tool.js";
import type { ModuleVersion } from "../adapters/tools/tool-messages.js";
import { compileApart } from "../config/agents/read-apart.js";
import type { AgentProfile, AgentsFile, ToolDefinition } from "../domain/agent-profile.js";
import { RelayError } from "../domain/errors.js";
import type { SessionTool } from "../relay/model/model-session.js";
import { callTools, isCallTool } from "../tools/builtin.js";
import {
  refuseOtherThanObject,
  type SchemaCheck,
  type SchemaChecker,
  ToolRegistry,
} from "../tools/registry.js";
import { type OrderBook, SAMPLE_TOOL_NAMES, sampleTools } from "../tools/sample-tools.js";
import type { JsonSchema } from "../tools/schema-types.js";
import type { Tool } from "../tools/tool.js";

export interface AgentKitsDeps {
  readonly orders: OrderBook;
  readonly network: Network;
  /** Runs tool modules. It outlives these tools: those of a reloaded agents file need no other. */
  readonly launcher: ToolLauncher;
}

/** The source of the check of each JSON Schema, by the schema as JSON. */
export type SchemaCode = ReadonlyMap<string, string>;

/** The tools of one agent. */
export interface Kit {
  readonly registry: ToolRegistry;
  /** As they are described to the model. */
  readonly specs: readonly SessionTool[];
  /** The modules that its tools are in, as they were when its agents file was read. */
  readonly modules: readonly ModuleVersion[];
}

/** Tools that agents share. Those of HTTP endpoints are made for each agent. */
interface SharedTools {
  readonly samples: ReadonlyMap<string, Tool>;
  readonly modules: ReadonlyMap<ToolDefinition, Tool>;
}

export class AgentKits {
  readonly #deps: AgentKitsDeps;
  readonly #shared: SharedTools;
  readonly #checker: SchemaChecker;
  readonly #versions: ReadonlyMap<string, ModuleVersion>;
  readonly #kits = new WeakMap<AgentProfile, Kit>();

  private constructor(
    deps: AgentKitsDeps,
    shared: SharedTools,
    code: SchemaCode,
    versions: ReadonlyMap<string, ModuleVersion>,
  ) {
    this.#deps = deps;
    this.#shared = shared;
    this.#checker = lateChecker(code);
    this.#versions = versions;
  }

  /**
   * Loads the modules of a file and checks the tools of every agent.
   *
   * @param checks  null: no calls are running, and schemas are compiled here. Otherwise another
   *                process compiles what is missing in them, and all else is done in slices.
   * @throws RelayError config_invalid when a schema is wrong or a module cannot be loaded.
   */
  static async load(
    file: AgentsFile,
    deps: AgentKitsDeps,
    checks: SchemaCode | null,
  ): Promise<AgentKits> {
    const samples = new Map(sampleTools(deps.orders).map((tool) => [tool.name, tool]));
    const definitions = new Set<ToolDefinition>();
    for await (const { name, tools } of inSlices(file.agents.values())) {
      refuseNamesakes(name, tools);
      for (const tool of tools) definitions.add(tool);
    }
    for await (const { name, source } of inSlices(definitions))
      if (source.kind === "builtin" && !isCallTool(name) && !samples.has(name))
        throw new RelayError(
          "config_invalid",
          `tool ${name}: is neither built in nor one of ${SAMPLE_TOOL_NAMES.join(", ")}, and ` +
            "has no http, module or mcp",
        );
    const versions = new Map<string, ModuleVersion>();
    for (const { source } of definitions)
      if (source.kind === "module") versions.set(source.path, deps.launcher.moduleAt(source.path));
    const modules = await moduleTools(definitions, deps.launcher);
    const given = [...definitions].filter(({ source }) => source.kind === "http");
    const declared = [...given, ...modules.values()];
    for (const tool of declared) refuseOtherThanObject(tool);
    const schemas: JsonSchema[] = [...declared, ...samples.values()].map((tool) => tool.parameters);
    for await (const agent of inSlices(file.agents.values()))
      for (const { parameters } of callTools(agent)) schemas.push(parameters);
    const code = await codeOf(schemas, checks);
    return new AgentKits(deps, { samples, modules }, code, versions);
  }

  /** The modules that the agent's tools are in. */
  modulesOf(agent: AgentProfile): readonly ModuleVersion[] {
    return agent.tools.flatMap(({ source }) =>
      source.kind === "module" ? (this.#versions.get(source.path) ?? []) : [],
    );
  }

  /** @param agent  of the file. */
  kitOf(agent: AgentProfile): Kit {
    let kit = this.#kits.get(agent);
    if (kit === undefined) {
      const own = agent.tools.flatMap((definition) => this.#tool(definition) ?? []);
      const registry = new ToolRegistry([...callTools(agent), ...own], this.#checker);
      const specs = [...registry.specs(), ...mcpSpecs(agent)];
      kit = { registry, specs, modules: this.modulesOf(agent) };
      this.#kits.set(agent, kit);
    }
    return kit;
  }

  /** Null: the model's session or the call itself sees to it. */
  #tool(definition: ToolDefinition): Tool | null {
    const { name, source } = definition;
    switch (source.kind) {
      case "mcp":
        return null;
      case "http":
        return createHttpTool(definition, source.http, this.#deps.network);
      case "module":
        return this.#shared.modules.get(definition) ?? null;
      case "builtin":
        return isCallTool(name) ? null : (this.#shared.samples.get(name) ?? null);
    }
  }
}

function refuseNamesakes(agent: string, tools: readonly ToolDefinition[]): void {
  const names = new Set<string>();
  for (const { name } of tools) {
    if (names.has(name))
      throw new RelayError("config_invalid", `agent ${agent}: two tools are named ${name}`);
    names.add(name);
  }
}

/** Modules are loaded at the same time: each by a process of its own. */
async function moduleTools(
  definitions: Iterable<ToolDefinition>,
  launcher: ToolLauncher,
): Promise<ReadonlyMap<ToolDefinition, Tool>> {
  const loading = [...definitions].flatMap((definition) => {
    const { source } = definition;
    if (source.kind !== "module") return [];
    const tool = loadModuleTool(definition, source.path, launcher);
    return [tool.then((loaded) => [definition, loaded] as const)];
  });
  return new Map(await Promise.all(loading));
}

/** @returns the code of at least these schemas. */
async function codeOf(
  schemas: readonly JsonSchema[],
  checks: SchemaCode | null,
): Promise<SchemaCode> {
  const missing = new Map<string, JsonSchema>();
  for await (const schema of inSlices(schemas)) {
    const key = JSON.stringify(schema);
    if (checks?.has(key) !== true) missing.set(key, schema);
  }
  if (checks === null)
    return new Map([...missing].map(([key, schema]) => [key, checkCode(schema)]));
  if (missing.size === 0) return checks;
  // What a module declares is not in the file.
  const more = await compileApart([...missing.values()]);
  return new Map([...checks, ...more]);
}

/** Each check is made when a tool with its schema is first called. */
function lateChecker(code: SchemaCode): SchemaChecker {
  const made = new Map<string, SchemaCheck>();
  const checkOf = (schema: JsonSchema): SchemaCheck => {
    const key = JSON.stringify(schema);
    let check = made.get(key);
    if (check === undefined) {
      const source = code.get(key);
      if (source === undefined) throw new RelayError("internal", "a schema that is no tool's");
      check = checkFromCode(source);
      made.set(key, check);
    }
    return check;
  };
  return {
    compile: (schema) => {
      let check: SchemaCheck | null = null;
      return (value) => {
        check ??= checkOf(schema);
        return check(value);
      };
    },
  };
}

/** MCP tools are passed on: the model calls their servers itself. */
function mcpSpecs(agent: AgentProfile): SessionTool[] {
  return agent.tools.flatMap(({ name, source }) =>
    source.kind === "mcp" ? [{ type: "mcp" as const, label: name, server: source.server }] : [],
  );
}
