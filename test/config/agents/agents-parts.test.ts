import { serialize } from "node:v8";
import { describe, expect, it } from "vitest";
import { parseAgentsFile } from "../../../src/config/agents/agents-file.js";
import {
  AgentsAssembly,
  type AgentsPart,
  type PreparedAgents,
  partsOf,
  placesOf,
  withOperators,
  withOperatorsOf,
} from "../../../src/config/agents/agents-parts.js";

const CONTEXT = {
  env: {},
  defaults: { model: "m", humanAgentNumber: null, maxCallMinutes: 55 },
} as const;

function parsed(agents: number) {
  const names = Array.from({ length: agents }, (_, i) => `agent_${i}`);
  const lines = names.map((name) => `  ${name}: {instructions: ${"x".repeat(900)}, tools: [t, m]}`);
  const text = [
    "tools:",
    "  t: {description: d, http: {url: 'https://x.example/t', method: GET}}",
    "  m: {module: ./m.mjs}",
    "agents:",
    ...lines,
    `numbers: {"+15550001111": agent_0, "*": agent_0}`,
    "redact: {patterns: [secret]}",
  ].join("\n");
  return parseAgentsFile(text, "/srv/agents.yaml", CONTEXT);
}

function prepared(agents: number): PreparedAgents {
  return { file: parsed(agents).agents, checks: new Map([['{"type":"object"}', "code"]]) };
}

function assembled(parts: readonly AgentsPart[]): PreparedAgents | null {
  const assembly = new AgentsAssembly();
  // As they arrive: copies.
  const wholes = parts.map((part) => assembly.add(structuredClone(part)));
  expect(wholes.slice(0, -1).every((whole) => whole === null)).toBe(true);
  return wholes.at(-1) ?? null;
}

describe("an agents file in parts", () => {
  it("is put together as it was", () => {
    const whole = prepared(3);
    const again = assembled(partsOf(whole));
    expect(again).toEqual(whole);
    expect([...again!.file.agents.keys()]).toEqual([...whole.file.agents.keys()]);
  });

  it("has small parts, however large it is, and keeps what agents share", () => {
    const whole = prepared(400);
    const parts = partsOf(whole);
    expect(Math.max(...parts.map((part) => serialize(part).length))).toBeLessThan(64 * 1024);
    const again = assembled(parts);
    expect(again).toEqual(whole);
    expect(new Set([...again!.file.agents.values()].map(({ tools }) => tools[0])).size).toBe(1);
  });

  it("brings the operators with it, also when there are none any more", () => {
    const whole = prepared(1);
    const ada = { name: "ada", role: "viewer", tokenSha256: "0".repeat(64) } as const;
    const many = Array.from({ length: 1_000 }, (_, i) => ({ ...ada, name: `ada${i}` }));
    for (const operators of [many, []])
      expect(assembled(withOperators(partsOf(whole), operators))).toEqual({ ...whole, operators });
    expect(assembled(partsOf(whole))).not.toHaveProperty("operators");
  });

  it("may have the operators of another file, if that one tells any", () => {
    const ada = { name: "ada", role: "viewer", tokenSha256: "0".repeat(64) } as const;
    const whole = prepared(1);
    const own = withOperators(partsOf(whole), [ada]);
    const none = withOperators(partsOf(prepared(2)), []);
    expect(assembled(withOperatorsOf(own, none))).toEqual({ ...whole, operators: [] });
    expect(withOperatorsOf(own, partsOf(prepared(2)))).toBe(own);
  });

  it("is nothing without its beginning", () => {
    expect(assembled(partsOf(prepared(1)).slice(1))).toBeNull();
  });

  it("says where each tool is declared", () => {
    expect([...placesOf(parsed(1))]).toEqual([
      ["t", { path: "tools.t.http", line: 2, module: null }],
      ["m", { path: "tools.m.module", line: 3, module: "/srv/m.mjs" }],
    ]);
  });
});
