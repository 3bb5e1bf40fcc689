import { describe, expect, it } from "vitest";
import type { AgentProfile } from "../../../src/domain/agent-profile.js";
import type { ToolCallId } from "../../../src/domain/ids.js";
import { recordMcpCall } from "../../../src/relay/call/mcp-call-record.js";
import type { McpCallEnd } from "../../../src/relay/model/model-session.js";

const agent = { tools: [{ name: "shop" }] } as unknown as AgentProfile;

function recorded(changes: Partial<McpCallEnd>) {
  const told: unknown[][] = [];
  const call: McpCallEnd = {
    callId: "item_1" as ToolCallId,
    serverLabel: "shop",
    name: "search",
    arguments: "{}",
    output: "found",
    error: null,
    ms: 250,
    ...changes,
  };
  recordMcpCall(
    call,
    agent,
    { tool: (...args) => void told.push(["record", ...args]) },
    { toolSeconds: { observe: (...args) => void told.push(["metric", ...args]) } },
  );
  return told;
}

describe("recordMcpCall", () => {
  it("enters a call like a tool that runs here, under the agent's entry for the server", () => {
    expect(recorded({})).toEqual([
      ["metric", 0.25, "shop", "ok"],
      ["record", "item_1", "search", "{}", "found", 250, "ok"],
    ]);
  });

  it("enters a failed call with its error as the output", () => {
    expect(recorded({ output: null, error: "timed out" })).toEqual([
      ["metric", 0.25, "shop", "error"],
      ["record", "item_1", "search", "{}", '{"error":"timed out"}', 250, "error"],
    ]);
  });

  it("keeps the metric's labels closed when the server's label is not the agent's", () => {
    expect(recorded({ serverLabel: "other" })[0]).toEqual(["metric", 0.25, "unknown", "ok"]);
  });
});
