import { describe, expect, it } from "vitest";
import { agentNameFor } from "../../src/domain/agent-numbers.js";

const numbers = new Map([
  ["+12025550100", "support"],
  ["sip:sales@pbx.example.com", "sales"],
  ["client:Kiosk", "kiosk"],
]);

describe("the agent that answers", () => {
  it.each([
    ["+12025550100", "support"],
    ["tel:+1-202-555-0100", "support"],
    ["sip:Sales@PBX.example.com:5060;transport=tls", "sales"],
    ["client:kiosk", "kiosk"],
    ["+12025550101", "reception"],
    ["", "reception"],
  ])("%j is %s", (called, name) => {
    expect(agentNameFor({ numbers, defaultAgent: "reception" }, called)).toBe(name);
  });

  it("is none where there is no default", () => {
    expect(agentNameFor({ numbers, defaultAgent: null }, "+12025550101")).toBeNull();
  });
});
