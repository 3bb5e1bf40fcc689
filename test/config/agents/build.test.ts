import { describe, expect, it } from "vitest";
import { parseAgentsFile } from "../../../src/config/agents/agents-file.js";
import {
  type BuildContext,
  buildAgentsFile,
  buildTools,
} from "../../../src/config/agents/build.js";
import type { AgentInput, FileInput } from "../../../src/config/agents/schema.js";

const DEFAULTS = { model: "gpt-realtime", humanAgentNumber: null, maxCallMinutes: 30 };

/** The file as the relay uses it; `agent` are keys of its only agent. */
function built(agent: string, more = "", defaults: Partial<BuildContext["defaults"]> = {}) {
  const { agents } = parseAgentsFile(
    `agents: {a: {instructions: Hi., ${agent}}}\n${more}`,
    "/etc/murelay/agents.yaml",
    { env: { KEY: "4711" }, defaults: { ...DEFAULTS, ...defaults } },
  );
  return { file: agents, agent: agents.agents.get("a")! };
}

describe("an agent", () => {
  it("has the model of the settings unless it names its own", () => {
    expect(built("voice: marin").agent.model).toBe("gpt-realtime");
    expect(built("model: gpt-realtime-mini").agent.model).toBe("gpt-realtime-mini");
  });

  it.each([
    ["", 30],
    ["limits: {max_call_minutes: 10}", 10],
    ["limits: {max_call_minutes: 0.05, idle_hangup_s: 1}", 0.05],
    ["limits: {max_call_minutes: 50}", 30],
  ])("with %j talks for %d minutes: never longer than the settings allow", (limits, minutes) => {
    expect(built(limits).agent.limits.maxCallMinutes).toBe(minutes);
  });

  it.each([
    ["", "en-US"],
    ["language: de", "de"],
    ["languages: {es: {instructions: Habla.}, fr: {instructions: Parle.}}", "es"],
    ["language: fr, languages: {es: {instructions: Habla.}, fr: {instructions: P.}}", "fr"],
  ])("with %j speaks %s first", (keys, language) => {
    expect(built(keys).agent.language).toBe(language);
  });

  it("sends the model only the settings that it names", () => {
    expect(built("").agent.modelSettings).toEqual({});
    const { agent } = built(
      "session: {speed: 1.2, reasoning: {effort: low}, truncation: " +
        "{type: retention_ratio, retention_ratio: 0.8}}",
    );
    expect(agent.modelSettings).toEqual({
      speed: 1.2,
      reasoningEffort: "low",
      truncation: {
        type: "retention_ratio",
        retentionRatio: 0.8,
        postInstructionsTokens: null,
      },
    });
  });

  it.each([
    ["server_vad", "threshold"],
    ["semantic_vad", "eagerness"],
  ])("has the keys of its turn detection, %s", (type, key) => {
    const { turnDetection } = built(`turn_detection: {type: ${type}}`).agent;
    expect(turnDetection).toHaveProperty("type", type);
    expect(turnDetection).toHaveProperty(key);
    const other = key === "threshold" ? "eagerness" : "threshold";
    expect(turnDetection).not.toHaveProperty(other);
  });
});

describe("the destinations of an agent", () => {
  const TWO = "destinations: {b: {dial: '+15551112222'}, c: {dial: '+15551113333'}}";

  it("are HUMAN_AGENT_NUMBER alone where it names none", () => {
    const human = { humanAgentNumber: "+442079460123" };
    expect([...built("", "", human).agent.transfer.destinations.keys()]).toEqual(["human"]);
    expect(built("", "", human).agent.transfer.default).toBe("human");
    const { transfer } = built(`transfer: {${TWO}}`, "", human).agent;
    expect([...transfer.destinations.keys()]).toEqual(["b", "c"]);
    expect(built("").agent.transfer).toMatchObject({ default: null });
  });

  it.each([
    ["", "b"],
    [", default: c", "c"],
    [", default: null", null],
  ])("have a default: %j is %s", (chosen, name) => {
    expect(built(`transfer: {${TWO}${chosen}}`).agent.transfer.default).toBe(name);
  });
});

describe("the numbers of a file", () => {
  it("all lead to the only agent where none is named", () => {
    expect(built("").file).toMatchObject({ defaultAgent: "a", numbers: new Map() });
  });

  it("lead where they are told to, the others to the agent of *", () => {
    const { file } = built("", "numbers: {'+15550001111': a}");
    expect([file.defaultAgent, file.numbers.get("+15550001111")]).toEqual([null, "a"]);
    expect(built("", "numbers: {'*': a, '+15550001111': a}").file.defaultAgent).toBe("a");
  });
});

describe("the tools of a file", () => {
  const HTTP = `tools:
  t:
    description: d
    timeout_ms: 900
    http: {url: "https://x.example/", headers: {Authorization: "Bearer \${KEY}"}}`;

  it("have their secrets filled in, and only there", () => {
    const [tool] = built("tools: [t]", HTTP).agent.tools;
    expect(tool).toMatchObject({
      timeoutMs: 900,
      source: { kind: "http", http: { headers: { Authorization: "Bearer 4711" } } },
    });
  });

  it("of MCP servers have them filled in at any depth", () => {
    const mcp = `tools:
  t: {mcp: {server_label: s, server_url: "https://x.example", headers: {a: "\${KEY}"}, allowed_tools: ["\${KEY}", 1]}}`;
    const [tool] = built("tools: [t]", mcp).agent.tools;
    expect(tool?.source).toMatchObject({
      kind: "mcp",
      server: { headers: { a: "4711" }, allowed_tools: ["4711", 1] },
    });
  });

  it("that are modules lie beside the file", () => {
    const [tool] = built("tools: [t]", "tools: {t: {module: ./tools/t.mjs}}").agent.tools;
    expect(tool?.source).toEqual({ kind: "module", path: "/etc/murelay/tools/t.mjs" });
  });

  it("may be built in, and one that passed the checks without being known is a fault of ours", () => {
    expect(built("tools: [end_call]").agent.tools).toMatchObject([
      { name: "end_call", source: { kind: "builtin" } },
    ]);
    const agent = {
      tools: ["levitate"],
      languages: {},
      turn_detection: {},
    } as unknown as AgentInput;
    const context = { lookup: () => "", defaults: DEFAULTS, path: "/a.yaml" };
    const empty = { tools: {} } as unknown as FileInput;
    const tools = buildTools(empty, context);
    expect(() => buildAgentsFile(empty, new Map([["a", agent]]), tools, context)).toThrow();
  });
});
