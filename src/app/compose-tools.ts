/**
 * The tools of every agent, built once at start, and a runner for each call.
 */
import type { Network } from "../adapters/network/network.js";
import { createHttpTool } from "../adapters/tools/http-tool.js";
import { createJsonSchemaChecker } from "../adapters/tools/json-schema.js";
import type { ToolLauncher } from "../adapters/tools/launcher-client.js";
import { loadModuleTool } from "../adapters/tools/module-tool.js";
import type { ModuleVersion } from "../adapters/tools/tool-messages.js";
import type { AgentProfile, AgentsFile, ToolDefinition } from "../domain/agent-profile.js";
import { RelayError } from "../domain/errors.js";
import type { CallSid } from "../domain/ids.js";
import type { Clock } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import { AgentTools } from "../relay/call/agent-tools.js";
import type { CallTools, ToolHost } from "../relay/call/call-tools.js";
import type { SessionTool } from "../relay/model/model-session.js";
import { callTools, isCallTool } from "../tools/builtin.js";
import { ToolRegistry } from "../tools/registry.js";
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
   * @throws RelayError config_invalid when a schema is wrong or a module cannot be loaded.
   */
  async load(agents: AgentsFile): Promise<void> {
    this.#deps.launcher.beginVersion();
    const kits = await buildKits(agents, this.#deps);
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

/**
 * Builds the tools of every agent, by the agent's name.
 *
 * @throws RelayError config_invalid when a schema is wrong or a module cannot be loaded.
 */
export async function buildKits(
  agents: AgentsFile,
  deps: Pick<ToolboxDeps, "orders" | "network" | "launcher">,
): Promise<ReadonlyMap<string, Kit>> {
  const samples = new Map(sampleTools(deps.orders).map((tool) => [tool.name, tool]));
  const checker = createJsonSchemaChecker();
  const kits = new Map<string, Kit>();
  for (const agent of agents.agents.values()) {
    const own = await Promise.all(
      agent.tools.map((definition) => ownTool(definition, samples, deps)),
    );
    const registry = new ToolRegistry(
      [...callTools(agent), ...own.filter((tool) => tool !== null)],
      checker,
    );
    const modules = agent.tools.flatMap(({ source }) =>
      source.kind === "module" ? [deps.launcher.moduleAt(source.path)] : [],
    );
    const specs = [...registry.specs(), ...mcpSpecs(agent)];
    kits.set(agent.name, { registry, specs, modules });
  }
  return kits;
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
