import type { SessionTool } from "../model-session.js";

/**
 * Whether the agent lets the model call this tool of an MCP server without a human's approval, by
 * `require_approval` of the agent's tool entry: "never" (the default), "always", or the names of
 * the tools that never or always need one. A call that needs an approval is refused, because no one
 * on a phone call can give it.
 *
 * Source: OpenAI Realtime, MCP tool. The server requests approval only for calls that its
 * copy of `require_approval` does not decide.
 */
export function isApproved(
  tools: readonly SessionTool[],
  serverLabel: string,
  toolName: string,
): boolean {
  const server = tools.find((tool) => tool.type === "mcp" && tool.label === serverLabel);
  if (server?.type !== "mcp") return false;
  const policy = server.server["require_approval"] ?? "never";
  if (typeof policy === "string") return policy === "never";
  if (names(policy, "always")?.includes(toolName) === true) return false;
  return names(policy, "never")?.includes(toolName) === true;
}

function names(policy: unknown, which: "always" | "never"): readonly unknown[] | null {
  if (typeof policy !== "object" || policy === null) return null;
  const filter: unknown = Reflect.get(policy, which);
  if (typeof filter !== "object" || filter === null) return null;
  const tools: unknown = Reflect.get(filter, "tool_names");
  return Array.isArray(tools) ? tools : null;
}
