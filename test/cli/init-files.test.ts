import { describe, expect, it } from "vitest";
import { type ProjectAnswers, projectFiles } from "../../src/cli/init-files.js";
import { parseAgentsFile } from "../../src/config/agents/agents-file.js";
import { parseEnvFile } from "../../src/config/env-file.js";

const ANSWERS: ProjectAnswers = {
  business: 'Ada\'s "Lamps"\n & Bulbs',
  language: "en-US",
  timeZone: "Europe/Berlin",
  human: "+442079460123",
  publicUrl: "https://relay.example.com",
};
const file = (path: string, changes: Partial<ProjectAnswers> = {}) =>
  projectFiles({ ...ANSWERS, ...changes }).find((one) => one.path === path)?.text ?? "";
const agentOf = (changes: Partial<ProjectAnswers> = {}) => {
  const human = { ...ANSWERS, ...changes }.human;
  const { agents } = parseAgentsFile(file("agents.yaml", changes), "/p/agents.yaml", {
    env: {},
    defaults: { model: "m", humanAgentNumber: human, maxCallMinutes: 55 },
  });
  return agents.agents.get("support")!;
};

describe("the files of a new project", () => {
  it("are marked where they hold secrets, and only .env does", () => {
    expect(projectFiles(ANSWERS).flatMap(({ path, secret }) => (secret ? [path] : []))).toEqual([
      ".env",
    ]);
    expect(file(".gitignore")).toContain(".env");
  });

  it("have an agent without a fault, whatever the business is called", () => {
    const agent = agentOf();
    expect(agent.greeting).toBe('Thank you for calling Ada\'s "Lamps" & Bulbs. How can I help?');
    expect(agent).toMatchObject({ language: "en-US", timeZone: "Europe/Berlin" });
    expect(agent.tools.map(({ name }) => name)).toEqual([
      "order_status",
      "transfer_call",
      "end_call",
    ]);
  });

  it("promise no human where there is none", () => {
    const agent = agentOf({ human: null });
    expect(agent.transfer.default).toBeNull();
    expect(agent.tools.map(({ name }) => name)).not.toContain("transfer_call");
    expect(agent.instructions).not.toContain("transfer_call");
  });

  it("tell an agent of another language to speak only that", () => {
    expect(agentOf({ language: "es" }).instructions).toContain('the language with the code "es"');
    expect(agentOf().instructions).not.toContain("the language with the code");
  });

  it("have the answers in the settings, and leave open what is not known", () => {
    const settings = (changes = {}) =>
      parseEnvFile(".env", new TextEncoder().encode(file(".env", changes))).values;
    expect(settings()).toMatchObject({
      PUBLIC_URL: "https://relay.example.com",
      HUMAN_AGENT_NUMBER: "+442079460123",
    });
    const open = settings({ human: null, publicUrl: null });
    expect([open["PUBLIC_URL"], open["HUMAN_AGENT_NUMBER"]]).toEqual(["", ""]);
  });

  it("name the schemas where the package is", () => {
    const above = projectFiles(ANSWERS, "../node_modules/murelay")
      .map(({ text }) => text)
      .join();
    expect(above).toContain("$schema=./../node_modules/murelay/agents.schema.json\n");
    expect(above).toContain("$schema=../../node_modules/murelay/conversations.schema.json\n");
  });

  it("come with a tool and its test", () => {
    expect(file("tools/order-status.mjs")).toContain("defineTool");
    expect(file("tools/order-status.test.mjs")).toContain("order-status.mjs");
  });
});
