import { describe, expect, it } from "vitest";
import { Network } from "../../../src/adapters/network/network.js";
import { checkTools } from "../../../src/cli/doctor/tools-check.js";
import { parseAgentsFile } from "../../../src/config/agents/agents-file.js";

async function check(tool: string, more = "") {
  const text = `agents: {a: {instructions: x, tools: [t, end_call]}}\ntools: {t: ${tool}}\n${more}`;
  const { agents } = parseAgentsFile(text, "/etc/murelay/agents.yaml", {
    env: {},
    defaults: { model: "m", humanAgentNumber: null, maxCallMinutes: 55 },
  });
  const results = [];
  for await (const { severity, text, fix } of checkTools(agents, new Network()))
    results.push(`${severity} ${text}${fix === null ? "" : ` | ${fix}`}`);
  return results;
}
const http = (url: string, more = "") => `{description: d, http: {url: "${url}"${more}}}`;

describe("the tools", () => {
  it("are listed when all are well", async () => {
    expect(await check(http("https://93.184.215.14/{x}").replace("{x}", "x"))).toEqual([
      "ok t, end_call",
    ]);
  });

  it.each(["127.0.0.1", "10.0.0.1", "169.254.169.254", "[::1]", "[fd00::1]"])(
    "may not be on %s unless the host is listed",
    async (host) => {
      const [result] = await check(http(`https://${host}/`));
      expect(result).toMatch(/^fail t: .* has a private address.*\| add allow_private_hosts/);
      const bare = host.replace(/[[\]]/g, "");
      expect(await check(http(`https://${host}/`, `, allow_private_hosts: ["${bare}"]`))).toEqual([
        "ok t, end_call",
      ]);
    },
  );

  it("include the CRM's addresses", async () => {
    const crm = "crm: {escalation: {url: 'https://10.0.0.1/'}}";
    expect(await check(http("https://93.184.215.14/"), crm)).toEqual([
      expect.stringMatching(/^fail crm\.escalation: 10\.0\.0\.1 has a private address/),
    ]);
  });

  it("that cannot be built are named", async () => {
    expect(await check("{module: ./none.mjs}")).toEqual([
      expect.stringMatching(/^fail t: .*none\.mjs cannot be loaded/),
    ]);
  });
});
