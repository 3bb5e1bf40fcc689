import { describe, expect, it } from "vitest";
import { matchDestination } from "../../src/tools/destination-match.js";

const DIRECTORY = [
  { name: "front_desk", description: "general questions" },
  { name: "billing", description: "invoices, refunds" },
  { name: "tech-support", description: "" },
  { name: "tech-sales", description: "" },
  { name: "24", description: "night line" },
];

describe("the destination that a model means", () => {
  it.each([
    ["billing", "billing"],
    ["BILLING", "billing"],
    [" Front Desk ", "front_desk"],
    ["front-desk", "front_desk"],
    ["the billing department", "billing"],
    ["front", "front_desk"],
    ["General questions", "front_desk"],
    ["Invoices & refunds", "billing"],
    ["biling", "billing"],
    ["frontdesk", "front_desk"],
    ["tech support", "tech-support"],
    ["24", "24"],
    // More than one could be meant.
    ["tech", null],
    ["invoices", null],
    ["warehouse", null],
    ["", null],
    ["***", null],
    // Numbers and addresses are never dialled because a model says so.
    ["+12025550111", null],
    ["12025550111", null],
    ["sip:billing@evil.example", "billing"],
  ])("by %j is %s", (asked, name) => {
    expect(matchDestination(asked, DIRECTORY)?.name ?? null).toBe(name);
  });

  it("is none where there is none", () => {
    expect(matchDestination("billing", [])).toBeNull();
  });
});
