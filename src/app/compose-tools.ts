/**
 * The tools of every agent, and a runner for each call.
 */
import type { AgentProfile, AgentsFile } from "../domain/agent-profile.js";
import { RelayError } from "../domain/errors.js";
import type { CallSid } from "../domain/ids.js";
import type { Clock } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import { AgentTools } from "../relay/call/agent-tools.js";
import type { CallTools, ToolHost } from "../relay/call/call-tools.js";
import { ToolRunner } from "../tools/runner.js";
import { AgentKits, type AgentKitsDeps, type SchemaCode } from "./agent-kits.js";

export interface ToolboxDeps extends AgentKitsDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** Null: calls are not traced. */
  readonly tracing: { traceparent(callSid: CallSid): string } | null;
  /** Modules run from the loading of their agents file on. Otherwise a call starts them. */
  readonly warmTools: boolean;
}

/** The tools of the agents, for each call. */
export class Toolbox {
  readonly #deps: ToolboxDeps;
  /** By profile: calls that began before a reload keep the tools of their own profile. */
  readonly #kits = new WeakMap<AgentProfile, AgentKits>();

  constructor(deps: ToolboxDeps) {
    this.#deps = deps;
  }

  /**
   * Loads the tools of the agents of a file.
   *
   * @param checks  as for AgentKits.
   * @throws RelayError config_invalid when a schema is wrong or a module cannot be loaded.
   */
  async load(file: AgentsFile, checks: SchemaCode | null): Promise<void> {
    const { launcher, warmTools } = this.#deps;
    launcher.beginVersion();
    // Modules marked here keep running after they have described themselves to AgentKits.
    if (warmTools)
      for (const { tools } of file.agents.values())
        for (const { source } of tools)
          if (source.kind === "module") launcher.keepReady(launcher.moduleAt(source.path));
    const kits = await AgentKits.load(file, this.#deps, checks);
    for (const agent of file.agents.values()) this.#kits.set(agent, kits);
  }

  toolsFor(host: ToolHost): CallTools {
    const kit = this.#kits.get(host.agent)?.kitOf(host.agent);
    if (kit === undefined) throw new RelayError("internal", "an agent without a kit of tools");
    const { clock, launcher, tracing } = this.#deps;
    const traceparent = tracing?.traceparent(host.parties.callSid);
    const { log } = host;
    // Start the processes before the model asks, so that no caller waits for that.
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
