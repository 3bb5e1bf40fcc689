import { describe, expect, it } from "vitest";
import { toolProblem } from "../../src/cli/tool-check.js";
import type { ToolDefinition, ToolSource } from "../../src/domain/agent-profile.js";

const tool = (source: ToolSource, changes: Partial<ToolDefinition> = {}): ToolDefinition => ({
  name: "t",
  description: "d",
  parameters: { type: "object" },
  timeoutMs: 1_000,
  sayWhileWaiting: null,
  source,
  ...changes,
});
const HTTP: ToolSource = {
  kind: "http",
  http: {
    method: "GET",
    url: "https://x.example/",
    headers: {},
    timeoutMs: 1_000,
    maxResponseBytes: 1_000,
    allowPrivateHosts: [],
    idempotent: true,
  },
};

describe("toolProblem", () => {
  it.each([
    ["a built-in tool", tool({ kind: "builtin" })],
    ["an MCP server, which the model calls itself", tool({ kind: "mcp", server: {} })],
    ["a good HTTP tool", tool(HTTP)],
  ])("finds nothing wrong with %s", async (_, definition) => {
    expect(await toolProblem(definition)).toBeNull();
  });

  it("finds parameters that are no JSON Schema", async () => {
    expect(
      await toolProblem(tool(HTTP, { parameters: { type: "object", required: 7 } })),
    ).toContain("not a JSON Schema");
  });

  it("finds a module that cannot be loaded, and does not repeat the tool's name", async () => {
    const problem = await toolProblem(tool({ kind: "module", path: "/nowhere/none.mjs" }));
    expect(problem).toMatch(/none\.mjs cannot be loaded/);
    expect(problem).not.toMatch(/^tool t:/);
  });
});
