import { describe, expect, it } from "vitest";
import { createJsonSchemaChecker } from "../../src/adapters/tools/json-schema.js";
import type { AgentProfile, ToolDefinition } from "../../src/domain/agent-profile.js";
import { callTools } from "../../src/tools/builtin.js";
import { MemoryOrderBook } from "../../src/tools/memory-orders.js";
import { ToolRegistry } from "../../src/tools/registry.js";
import { sampleTools } from "../../src/tools/sample-tools.js";
import { functionSpec, type ToolContext } from "../../src/tools/tool.js";
import { agent, sid } from "../fakes/call-bench.js";
import { failoverAgent } from "../transfer/directory.js";

const listed = (...names: string[]): { tools: readonly ToolDefinition[] } => ({
  tools: names.map((name) => ({
    name,
    description: "",
    parameters: { type: "object" },
    source: { kind: "builtin" },
    timeoutMs: 5_000,
    sayWhileWaiting: null,
  })),
});
const context: ToolContext = {
  callSid: sid(1),
  from: "",
  to: "",
  agent: "support",
  language: "en",
  signal: new AbortController().signal,
  nowEpochMs: 0,
};

function registry(profile: AgentProfile): ToolRegistry {
  return new ToolRegistry(
    [...callTools(profile), ...sampleTools(new MemoryOrderBook())],
    createJsonSchemaChecker(),
  );
}

const specsOf = (profile: AgentProfile) => callTools(profile).map(functionSpec);

describe("the built-in tools", () => {
  const all = listed("transfer_call", "end_call", "set_language", "send_dtmf");

  it("show the model the names of the directory, and never a number or address", () => {
    const profile = { ...failoverAgent("desk", "sip"), ...all };
    const [transfer] = specsOf(profile);
    expect(transfer).toMatchObject({
      type: "function",
      name: "transfer_call",
      parameters: { properties: { destination: { enum: ["desk", "sip"] } } },
    });
    const text = JSON.stringify(specsOf(profile));
    expect(text).not.toContain("+1202");
    expect(text).not.toContain("pbx.example.com");
  });

  it("are left out where they make no sense", () => {
    const profile = agent({
      ...all,
      transfer: { ...agent().transfer, destinations: new Map(), default: null },
    });
    expect(specsOf(profile).map(({ name }) => name)).toEqual(["end_call", "send_dtmf"]);
    const bilingual = agent({
      ...all,
      languages: new Map([["es", { voice: null, instructions: null }]]),
    });
    const set = specsOf(bilingual).find(({ name }) => name === "set_language");
    expect(set).toMatchObject({ parameters: { properties: { language: { enum: ["en", "es"] } } } });
  });
});

describe("the samples", () => {
  it("find an order by its number or e-mail address, and book a time once", async () => {
    const kit = registry(agent());
    const run = async (name: string, args: Record<string, string>) =>
      (await kit.get(name)!.run(args, context)).output;
    expect(await run("lookup_order", { query: "Order #4217" })).toMatchObject({
      found: true,
      number: "4217",
    });
    expect(await run("lookup_order", { query: "ADA@example.com" })).toMatchObject({
      number: "4217",
    });
    expect(await run("lookup_order", { query: "nobody" })).toEqual({ found: false });
    const time = { name: "Ada", date: "2026-12-01", time: "10:00" };
    expect(await run("book_appointment", time)).toMatchObject({ booked: true });
    expect(await run("book_appointment", time)).toMatchObject({ booked: false });
  });
});
