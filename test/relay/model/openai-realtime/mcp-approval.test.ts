import { describe, expect, it } from "vitest";
import { isApproved } from "../../../../src/relay/model/openai-realtime/mcp-approval.js";

const shop = (require_approval?: unknown) => [
  {
    type: "mcp" as const,
    label: "shop",
    server: require_approval === undefined ? {} : { require_approval },
  },
];

describe("isApproved", () => {
  it.each([
    [undefined, true],
    [null, true],
    ["never", true],
    ["always", false],
    ["sometimes", false],
    [{ never: { tool_names: ["search"] } }, true],
    [{ never: { tool_names: ["buy"] } }, false],
    [{ always: { tool_names: ["search"] }, never: { tool_names: ["search"] } }, false],
    [{ never: "search" }, false],
    [{ never: { tool_names: "search" } }, false],
    [7, false],
  ])("by require_approval %j: %s", (policy, approved) => {
    expect(isApproved(shop(policy), "shop", "search")).toBe(approved);
  });

  it("refuses for a server that the agent does not have", () => {
    expect(isApproved(shop("never"), "bank", "search")).toBe(false);
    const fn = { type: "function" as const, name: "bank", description: "", parameters: {} };
    expect(isApproved([fn], "bank", "search")).toBe(false);
  });
});
