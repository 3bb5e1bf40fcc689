import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { crossCheck } from "../../../src/config/agents/checks.js";

const ENV: Readonly<Record<string, string>> = { KEY: "1" };

/** "path: problem" of each fault; the names of keys that are at fault are marked with ^. */
function faults(yaml: string): readonly string[] {
  const found: string[] = [];
  const lookup = (name: string) => {
    if (name === "UNREADABLE") throw new Error("EACCES");
    return ENV[name];
  };
  crossCheck(parse(yaml), lookup, (path, problem, at) => {
    found.push(`${path.join(".")}${at === "key" ? "^" : ""} ${problem}`);
  });
  return found;
}
const inAgent = (keys: string, more = "") =>
  faults(`agents: {a: {instructions: Hi., ${keys}}}\n${more}`);
const inTool = (keys: string) => inAgent("", `tools: {t: {${keys}}}`);

describe("the checks of an agents file", () => {
  it("find nothing in a good one, and nothing in values of a wrong type: those are the schema's", () => {
    expect(inAgent("tools: [end_call], transfer: {destinations: {}}")).toEqual([]);
    expect(faults("agents: 7")).toEqual([]);
    expect(
      faults("{agents: {a: {instructions: x, tools: {b: 1}, transfer: []}}, tools: no}"),
    ).toEqual([]);
  });

  it.each([
    ["no agent", "agents: {}", /^agents contains no agent/],
    ["no instructions", "agents: {a: {voice: marin}}", /^agents\.a\.instructions is missing/],
    [
      "several agents and no numbers",
      "agents: {a: {instructions: x}, b: {instructions: x}}",
      /^numbers is missing: say which.*\{"\*": a\}/,
    ],
    [
      "a number of no agent",
      "{agents: {support: {instructions: x}}, numbers: {'*': suport}}",
      /^numbers\.\* points at "suport".*support/,
    ],
  ])("find %s", (_, yaml, fault) => {
    expect(faults(yaml)).toEqual([expect.stringMatching(fault)]);
  });

  it("take instructions from the defaults", () => {
    expect(faults("{defaults: {instructions: x}, agents: {a: {voice: marin}}}")).toEqual([]);
  });
});

describe("the tools of an agent", () => {
  it.each([
    ["tools: [end_cal]", /^agents\.a\.tools\.0 "end_cal" is not a tool.*end_call/],
    ["tools: [end_call, end_call]", /^agents\.a\.tools\.1 "end_call" is listed twice/],
    ["tools: [set_language]", /set_language has no languages to choose from/],
  ])("%s", (keys, fault) => {
    expect(inAgent(keys)).toEqual([expect.stringMatching(fault)]);
  });
});

describe("the destinations of an agent", () => {
  const destinations = (text: string, more = "") =>
    inAgent(`transfer: {destinations: {${text}}${more}}`);

  it.each([
    ["b: {description: x}", /destinations\.b\^ needs one of dial, /],
    ["b: {dial: '+15551112222', then: c}", /destinations\.b\.then "c" is not a destination/],
    ["b: {dial: '+15551112222', then: b}", /destinations\.b\.then leads back to itself/],
  ])("%s", (text, fault) => {
    expect(destinations(text)).toEqual([expect.stringMatching(fault)]);
  });

  it("find every destination of a failover list that never ends", () => {
    const circle = "b: {dial: '+15551112222', then: c}, c: {dial: '+15551113333', then: b}";
    expect(destinations(circle)).toHaveLength(2);
    expect(destinations(circle.replace(", then: b}", "}"))).toEqual([]);
  });

  it("include the default", () => {
    expect(destinations("desk: {dial: '+15551112222'}", ", default: dsk")).toEqual([
      expect.stringMatching(/^agents\.a\.transfer\.default "dsk" is not a destination.*desk/),
    ]);
  });
});

describe("placeholders", () => {
  it.each([
    ["instructions: 'It is {{dat}}.'", /contains \{\{dat\}\}, which is not a placeholder.*date/],
    ["greeting: 'Hi {{caller.name}}.'", /needs crm\.caller_lookup/],
    ["languages: {es: {instructions: '{{nope}}'}}", /languages\.es\.instructions contains/],
  ])("%s", (keys, fault) => {
    expect(
      faults(`agents: {a: {${keys.includes("instructions:") ? "" : "instructions: x, "}${keys}}}`),
    ).toContainEqual(expect.stringMatching(fault));
  });

  it("of the caller may be used where a look-up knows them", () => {
    const crm = "crm: {caller_lookup: {url: 'https://crm.example/{from}'}}";
    expect(inAgent("greeting: 'Hi {{caller.name}}.'", crm)).toEqual([]);
  });
});

describe("a tool of one's own", () => {
  it.each([
    ["module: ./t.mjs", []],
    ["description: d", [/^tools\.t\^ needs one of http, module, mcp/]],
    ["module: ./t.mjs, mcp: {}", [/^tools\.t\.mcp\^ is set beside module/]],
    ["http: {url: 'https://x.example/'}", [/description is missing: the model chooses/]],
    ["description: d, http: {url: 'x'}", [/url is not an absolute URL/]],
    ["description: d, http: {url: 'http://x.example/'}", [/url is not https:/]],
    ["description: d, http: {url: 'http://127.0.0.1/'}", []],
    ["description: d, http: {url: 'http://x.example/', allow_private_hosts: [x.example]}", []],
    ["description: d, http: {url: 'https://u:p@x.example/'}", [/contains a user name or password/]],
    [
      "description: d, http: {url: 'https://x.example/{id}'}",
      [/contains \{id\}, which is none of: \(no parameters\)/],
    ],
    [
      "description: d, parameters: {properties: {id: {}}}, http: {url: 'https://{id}.example/'}",
      [/contains a placeholder in its host/],
    ],
    [
      `mcp: {headers: [{a: "\${KEY} \${MISSING}"}]}`,
      [/mcp\.headers\.0\.a \$\{MISSING\} needs MISSING or/],
    ],
    [`mcp: {a: "\${UNREADABLE}"}`, [/the file of UNREADABLE_FILE cannot be read: EACCES/]],
  ])("with %s: %j", (keys, expected) => {
    expect(inTool(keys)).toEqual(expected.map((fault) => expect.stringMatching(fault)));
  });

  it("cannot have the name of one that is built in", () => {
    expect(inAgent("", "tools: {end_call: {module: ./t.mjs}}")).toEqual([
      "tools.end_call^ is built in and cannot be replaced",
    ]);
  });
});
