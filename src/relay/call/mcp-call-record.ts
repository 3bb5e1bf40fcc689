import type { AgentProfile } from "../../domain/agent-profile.js";
import type { Metrics } from "../../ports/metrics.js";
import type { McpCallEnd } from "../model/model-session.js";
import type { CallEventLog } from "./call-event-log.js";

/**
 * Enters a finished MCP call into record, conversation and metrics, as the tools that run here are
 * entered. The metric's label is the agent's entry for the MCP server: a closed set, unlike the
 * names of the tools that the server offers.
 */
export function recordMcpCall(
  call: McpCallEnd,
  agent: Pick<AgentProfile, "tools">,
  eventLog: Pick<CallEventLog, "tool">,
  metrics: Pick<Metrics, "toolSeconds">,
): void {
  const outcome = call.error === null ? "ok" : "error";
  const known = agent.tools.some((tool) => tool.name === call.serverLabel);
  metrics.toolSeconds.observe(call.ms / 1000, known ? call.serverLabel : "unknown", outcome);
  const output = call.output ?? JSON.stringify({ error: call.error });
  eventLog.tool(call.callId, call.name, call.arguments, output, call.ms, outcome);
}
