/**
 * The tools of every agent, built once at start, and a runner for each call.
 */
import type { Network } from "../adapters/network/network.js";
import { inSlices } from "../adapters/system/slices.js";
import { createHttpTool } from "../adapters/tools/http-tool.js";
import { checkFromCode, createJsonSchemaChecker } from "../adapters/tools/json-schema.js";
import type { ToolLauncher } from "../adapters/tools/launcher-client.js";
import { loadModuleTool } from "../adapters/tools/module-tool.js";
import type { ModuleVersion } from "../adapters/tools/tool-messages.js";
import { compileApart } from "../config/agents/read-apart.js";
import type { AgentProfile, AgentsFile, ToolDefinition } from "../domain/agent-profile.js";
import { RelayError } from "../domain/errors.js";
import type { CallSid } from "../domain/ids.js";
import type { Clock } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import { AgentTools } from "../relay/call/agent-tools.js";
import type { CallTools, ToolHost } from "../relay/call/call-tools.js";
import type { SessionTool } from "../relay/model/model-session.js";
import { callTools, isCallTool } from "../tools/builtin.js";
import { type SchemaCheck, type SchemaChecker, ToolRegistry } from "../tools/registry.js";
import { ToolRunner } from "../tools/runner.js";
import { type OrderBook, SAMPLE_TOOL_NAMES, sampleTools } from "../tools/sample-tools.js";
import type { Tool } from "../tools/tool.js";

export interface ToolboxDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly orders: OrderBook;
  readonly network: Network;
  /** Null: calls are not traced. */
  readonly tracing: { traceparent(callSid: CallSid): string } | null;
  /** Runs tool modules. It outlives these tools: those of a reloaded agents file need no other. */
  readonly launcher: ToolLauncher;
  /** Modules run from the loading of their agents file on. Otherwise a call starts them. */
  readonly warmTools: boolean;
}

/** The tools of one agent. */
export interface Kit {
  readonly registry: ToolRegistry;
  /** As they are described to the model. */
  readonly specs: readonly SessionTool[];
  /** The modules that its tools are in, as they were when its agents file was read. */
  readonly modules: readonly ModuleVersion[];
}

/** The tools of the agents, for each call. */
export class Toolbox {
  readonly #deps: ToolboxDeps;
  /** By profile: calls that began before a reload keep the tools of their own profile. */
  readonly #kits = new WeakMap<AgentProfile, Kit>();

  constructor(deps: ToolboxDeps) {
    this.#deps = deps;
  }

  /**
   * Builds the tools of the agents of a file.
   *
   * @param checks  as for buildKits.
   * @throws RelayError config_invalid when a schema is wrong or a module cannot be loaded.
   */
  async load(agents: AgentsFile, checks: SchemaCode | null): Promise<void> {
    const { launcher, warmTools } = this.#deps;
    launcher.beginVersion();
    // What is asked to describe itself afterwards goes on running, and is loaded when all are built.
    if (warmTools)
      for (const agent of agents.agents.values())
        for (const module of modulesOf(agent, launcher)) launcher.keepReady(module);
    const kits = await buildKits(agents, this.#deps, checks);
    for (const agent of agents.agents.values()) {
      const kit = kits.get(agent.name);
      if (kit !== undefined) this.#kits.set(agent, kit);
    }
  }

  toolsFor(host: ToolHost): CallTools {
    const kit = this.#kits.get(host.agent);
    if (kit === undefined) throw new RelayError("internal", "an agent without a kit of tools");
    const { clock, launcher, tracing } = this.#deps;
    const traceparent = tracing?.traceparent(host.parties.callSid);
    const { log } = host;
    // Before the model asks: a caller should not wait for a process to start.
    for (const module of kit.modules) launcher.warm(module);
    const runner = new ToolRunner({
      registry: kit.registry,
      clock,
      log,
      maxCalls: host.agent.limits.maxToolCalls,
      context: () => ({
        callSid: host.parties.callSid,
        from: host.parties.from,
        to: host.parties.to,
        agent: host.agent.name,
        language: host.language,
        ...(traceparent === undefined ? {} : { traceparent }),
      }),
    });
    return new AgentTools(host, kit.specs, runner);
  }
}

/** The source of the check of each JSON Schema, by the schema as JSON. */
export type SchemaCode = ReadonlyMap<string, string>;

/**
 * Builds the tools of every agent, by the agent's name.
 *
 * @param checks  null: no calls are running, and schemas are compiled here. Otherwise another thread
 *                compiles what is missing in them, and all else is done in slices.
 * @throws RelayError config_invalid when a schema is wrong or a module cannot be loaded.
 */
export async function buildKits(
  agents: AgentsFile,
  deps: Pick<ToolboxDeps, "orders" | "network" | "launcher">,
  checks: SchemaCode | null = null,
): Promise<ReadonlyMap<string, Kit>> {
  const tools = await buildTools(agents, deps);
  const checker =
    checks === null ? createJsonSchemaChecker() : await checkerOf([...tools.values()], checks);
  const kits = new Map<string, Kit>();
  for await (const [agent, own] of inSlices(tools)) {
    const registry = new ToolRegistry(own, checker);
    const modules = modulesOf(agent, deps.launcher);
    const specs = [...registry.specs(), ...mcpSpecs(agent)];
    kits.set(agent.name, { registry, specs, modules });
  }
  return kits;
}

function modulesOf(agent: AgentProfile, launcher: ToolLauncher): readonly ModuleVersion[] {
  return agent.tools.flatMap(({ source }) =>
    source.kind === "module" ? [launcher.moduleAt(source.path)] : [],
  );
}

/** The tools of each agent. Agents that share a definition share the tool. */
async function buildTools(
  { agents }: AgentsFile,
  deps: Pick<ToolboxDeps, "orders" | "network" | "launcher">,
): Promise<ReadonlyMap<AgentProfile, readonly Tool[]>> {
  const samples = new Map(sampleTools(deps.orders).map((tool) => [tool.name, tool]));
  const definitions = new Set([...agents.values()].flatMap((agent) => agent.tools));
  const building: Promise<readonly [ToolDefinition, Tool | null]>[] = [];
  // Modules are loaded at the same time: each by a process of its own.
  for await (const definition of inSlices(definitions)) {
    const tool = ownTool(definition, samples, deps);
    const entry = tool.then((built) => [definition, built] as const);
    // It may fail while others are still to be begun. The failure is told below.
    entry.catch(() => undefined);
    building.push(entry);
  }
  const built = new Map(await Promise.all(building));
  const tools = new Map<AgentProfile, readonly Tool[]>();
  for await (const agent of inSlices(agents.values()))
    tools.set(agent, [
      ...callTools(agent),
      ...agent.tools.flatMap((definition) => built.get(definition) ?? []),
    ]);
  return tools;
}

/** Checks of the tools' schemas without compiling any on this thread. */
async function checkerOf(
  tools: readonly (readonly Tool[])[],
  checks: SchemaCode,
): Promise<SchemaChecker> {
  const keys = new Map<Tool["parameters"], string>();
  for await (const own of inSlices(tools))
    for (const { parameters } of own)
      if (!keys.has(parameters)) keys.set(parameters, JSON.stringify(parameters));
  // What a module declares is not in the file.
  const missing = [...keys].filter(([, key]) => !checks.has(key)).map(([schema]) => schema);
  const more: SchemaCode = missing.length === 0 ? new Map() : await compileApart(missing);
  const loaded = new Map<string, SchemaCheck>();
  for await (const key of inSlices(new Set(keys.values())))
    loaded.set(key, checkFromCode(checks.get(key) ?? more.get(key) ?? ""));
  return {
    compile: (schema) => {
      const check = loaded.get(keys.get(schema) ?? "");
      if (check === undefined) throw new RelayError("internal", "a schema that is no tool's");
      return check;
    },
  };
}

/** Null: the model's session or the call itself sees to it. */
async function ownTool(
  definition: ToolDefinition,
  samples: ReadonlyMap<string, Tool>,
  { network, launcher }: Pick<ToolboxDeps, "network" | "launcher">,
): Promise<Tool | null> {
  const { name, source } = definition;
  switch (source.kind) {
    case "mcp":
      return null;
    case "http":
      return createHttpTool(definition, source.http, network);
    case "module":
      return loadModuleTool(definition, source.path, launcher);
    case "builtin": {
      if (isCallTool(name)) return null;
      const sample = samples.get(name);
      if (sample !== undefined) return sample;
      throw new RelayError(
        "config_invalid",
        `tool ${name}: is neither built in nor one of ${SAMPLE_TOOL_NAMES.join(", ")}, and ` +
          "has no http, module or mcp",
      );
    }
  }
}

/** MCP tools are passed on: the model calls their servers itself. */
function mcpSpecs(agent: AgentProfile): SessionTool[] {
  return agent.tools.flatMap(({ name, source }) =>
    source.kind === "mcp" ? [{ type: "mcp" as const, label: name, server: source.server }] : [],
  );
}
