import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CheckResult } from "../../../src/cli/check-result.js";
import { checkAgentsFile } from "../../../src/cli/doctor/agents-check.js";
import { loadConfig } from "../../../src/config/load.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "murelay-agents-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function check(text: string, env: Readonly<Record<string, string>> = {}) {
  const path = join(folder, "agents.yaml");
  writeFileSync(path, text);
  const settings = {
    OPENAI_API_KEY: "sk-x",
    TWILIO_ACCOUNT_SID: `AC${"0".repeat(32)}`,
    TWILIO_AUTH_TOKEN: "token",
    PUBLIC_URL: "https://relay.example.com",
    AGENTS_FILE: path,
    ...env,
  };
  const checks = checkAgentsFile(loadConfig(settings), settings);
  const results: string[] = [];
  let next = checks.next();
  for (; next.done !== true; next = checks.next()) {
    const { severity, text: found }: CheckResult = next.value;
    results.push(`${severity} ${found.replace(`${folder}/`, "")}`);
  }
  return { results, agents: next.value };
}
const agent = (keys: string) => `agents: {a: {instructions: x, model: gpt-realtime, ${keys}}}`;
const HUMAN = { HUMAN_AGENT_NUMBER: "+442079460123" };

describe("the check of the agents file", () => {
  it("names its agents, and hands them on to the other checks", () => {
    const { results, agents } = check(agent("voice: marin"), HUMAN);
    expect(results).toEqual(["ok agents.yaml: a"]);
    expect([...(agents?.agents.keys() ?? [])]).toEqual(["a"]);
    const numbered = `${agent("voice: marin")}\nnumbers: {'+15550001111': a}`;
    expect(check(numbered, HUMAN).results).toEqual(["ok agents.yaml: a, 1 numbers"]);
  });

  it("tells each fault with its place, and then there are no agents", () => {
    const { results, agents } = check("agents:\n  a: {voise: x}");
    expect(results).toContainEqual(
      expect.stringMatching(/^fail agents\.yaml:2:\d+ agents\.a\.voise is unknown/),
    );
    expect(agents).toBeNull();
  });

  it.each([
    ["has no human", agent("voice: marin"), {}, /a has no human to transfer callers to/],
    [
      "has a destination that no numbering plan contains",
      agent("transfer: {destinations: {b: {dial: '+15551112222'}}}"),
      {},
      /a: no numbering plan contains the number of b/,
    ],
    [
      "uses a model without a price",
      "agents: {a: {instructions: x, model: gpt-unheard-of}}",
      HUMAN,
      /does not contain gpt-unheard-of/,
    ],
  ])("warns where an agent %s", (_, text, env, warning) => {
    expect(check(text, env).results).toContainEqual(expect.stringMatching(/^warn /));
    expect(check(text, env).results.join("\n")).toMatch(warning);
  });

  it("fails where the price list cannot be read", () => {
    const { results } = check(`${agent("voice: marin")}\npricing: ./none.yaml`, HUMAN);
    expect(results.at(-1)).toMatch(/^fail .*none\.yaml/);
  });
});
