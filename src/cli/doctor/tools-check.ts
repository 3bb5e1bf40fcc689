import { checkedAddress } from "../../adapters/http-client/guarded-request.js";
import type { Network } from "../../adapters/network/network.js";
import type { AgentsFile, ToolDefinition } from "../../domain/agent-profile.js";
import { RelayError } from "../../domain/errors.js";
import { type CheckResult, fail, ok } from "../check-result.js";
import { toolProblem } from "../tool-check.js";
import { messageOf } from "./message-of.js";

const SUBJECT = "tools";

interface Endpoint {
  readonly name: string;
  readonly url: string;
  readonly allowPrivateHosts: readonly string[];
}

/**
 * Loads the modules of tools, and resolves the hosts of HTTP tools and of the CRM. No request is
 * made.
 */
export async function* checkTools(
  agents: AgentsFile,
  network: Network,
): AsyncGenerator<CheckResult> {
  const tools = new Map<string, ToolDefinition>();
  for (const agent of agents.agents.values())
    for (const tool of agent.tools) tools.set(tool.name, tool);
  let failed = 0;
  for (const tool of tools.values()) {
    const problem = await toolProblem(tool);
    if (problem === null) continue;
    failed++;
    yield fail(SUBJECT, `${tool.name}: ${problem}`, "correct the tool in the agents file");
  }
  for (const endpoint of [...httpTools(tools.values()), ...crmEndpoints(agents)]) {
    const result = await checkHost(endpoint, network);
    if (result === null) continue;
    failed++;
    yield result;
  }
  if (failed === 0 && tools.size > 0) yield ok(SUBJECT, [...tools.keys()].join(", "));
}

function httpTools(tools: Iterable<ToolDefinition>): readonly Endpoint[] {
  return [...tools].flatMap(({ name, source }) =>
    source.kind === "http" ? [{ name, ...source.http }] : [],
  );
}

function crmEndpoints({ crm }: AgentsFile): readonly Endpoint[] {
  const endpoints = {
    "crm.caller_lookup": crm?.callerLookup,
    "crm.escalation": crm?.escalation,
    "crm.call_completed": crm?.callCompleted,
  };
  return Object.entries(endpoints).flatMap(([name, endpoint]) =>
    endpoint == null ? [] : [{ name, ...endpoint }],
  );
}

/** @returns null when the relay may send requests there. */
async function checkHost(
  { name, url, allowPrivateHosts }: Endpoint,
  network: Network,
): Promise<CheckResult | null> {
  const { hostname } = new URL(url.replace(/\{[^{}]*\}/g, "x"));
  try {
    await checkedAddress(new URL(url.replace(/\{[^{}]*\}/g, "x")), { allowPrivateHosts }, network);
    return null;
  } catch (error) {
    if (error instanceof RelayError && error.code === "tool_blocked")
      return fail(
        SUBJECT,
        `${name}: ${hostname} has a private address, and requests to it are blocked`,
        `add allow_private_hosts: [${hostname}] if that is intended`,
      );
    const reason =
      error instanceof Error && "code" in error ? String(error.code) : messageOf(error);
    return fail(SUBJECT, `${name}: ${hostname} cannot be resolved (${reason})`, "check the URL");
  }
}
