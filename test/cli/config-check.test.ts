import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkConfig } from "../../src/cli/config-check.js";

const NEEDS_TOKEN =
  "{description: d, http: {url: 'https://x.example/', headers: {a: '$" + "{TOKEN}'}}}";

describe("config check", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "murelay-check-"));
    write("good.mjs", GOOD_TOOL);
    write("bad.mjs", "export default 7;");
    write("throws.mjs", "throw new Error('at load');");
    write("prices.yaml", "as_of: yesterday\nmodels: {}\n");
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const GOOD_TOOL = `export default {
  [Symbol.for("murelay.tool")]: true,
  description: "d", parameters: { type: "object", properties: {} }, timeoutMs: null, sayWhileWaiting: null,
  run: async () => ({ output: "" }),
};`;

  function write(name: string, text: string): string {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  }

  async function check(text: string, json = true, env: Record<string, string> = {}) {
    const out: string[] = [];
    const io = {
      out: (line: string) => void out.push(line),
      err: () => {},
      env,
      onSignal: () => {},
    };
    const status = await checkConfig(io, write("agents.yaml", text), { json });
    return { status, out: out.join("\n") };
  }

  it("finds no fault in a good file, and needs no settings", async () => {
    const { status, out } = await check(
      "agents: {a: {instructions: x, tools: [t]}}\ntools: {t: {module: ./good.mjs}}",
    );
    expect(status).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ ok: true, agents: ["a"], faults: [], warnings: [] });
  });

  it.each([
    ["a fault of the file", "agents: {a: {}}", 1, "agents.a.instructions", "is missing"],
    [
      "a module that exports no tool",
      "agents: {a: {instructions: x}}\ntools: {t: {module: ./bad.mjs}}",
      2,
      "tools.t.module",
      "exports no defineTool",
    ],
    [
      "a module that does not load",
      "agents: {a: {instructions: x}}\ntools: {t: {module: ./throws.mjs}}",
      2,
      "tools.t.module",
      "at load",
    ],
    [
      "a schema that is none",
      "agents: {a: {instructions: x}}\ntools:\n  t: {description: d, http: {url: 'https://x.example/'}, parameters: {type: object, properties: {q: {type: txt}}}}",
      3,
      "tools.t.http",
      "not a JSON Schema",
    ],
    [
      "a price list with faults",
      "agents: {a: {instructions: x}}\npricing: prices.yaml",
      2,
      "pricing",
      "as_of",
    ],
    [
      "a secret that is not set",
      `agents: {a: {instructions: x}}\ntools: {t: ${NEEDS_TOKEN}}`,
      2,
      "tools.t.http.headers.a",
      "needs TOKEN",
    ],
  ])("names %s with path and line, and exits with 1", async (_, text, line, path, problem) => {
    const { status, out } = await check(text);
    expect(status).toBe(1);
    const { ok, faults } = JSON.parse(out);
    expect(ok).toBe(false);
    expect(faults).toEqual([
      expect.objectContaining({ path, line, problem: expect.stringContaining(problem) }),
    ]);
  });

  it("accepts a secret by its name or its file's, and never prints it", async () => {
    const text = `agents: {a: {instructions: x, tools: [t]}}\ntools: {t: ${NEEDS_TOKEN}}`;
    const { status, out } = await check(text, false, { TOKEN: "hush" });
    expect(status).toBe(0);
    expect(out).not.toContain("hush");
  });

  it("prints a line each, as compilers do, with a sum", async () => {
    const { status, out } = await check(
      "agents: {a: {instructions: x, voice: marinn}}\ntools: {t: {module: ./good.mjs}}",
      false,
    );
    expect(status).toBe(0);
    const file = join(folder, "agents.yaml");
    expect(out.split("\n")).toEqual([
      `${file}:1:38: warning: agents.a.voice "marinn" is not a known voice (did you mean marin?)`,
      `${file}:2:9: warning: tools.t is listed by no agent: add it to the agent's tools`,
      `${file}: 2 warnings (a)`,
    ]);
  });

  it("says that a file is not there, or is in UTF-16", async () => {
    const out: string[] = [];
    const io = {
      out: (line: string) => void out.push(line),
      err: () => {},
      env: {},
      onSignal: () => {},
    };
    expect(await checkConfig(io, join(folder, "none.yaml"))).toBe(1);
    writeFileSync(join(folder, "wide.yaml"), Buffer.from("agents: {}", "utf16le"));
    expect(await checkConfig(io, join(folder, "wide.yaml"))).toBe(1);
    expect(out.join("\n")).toMatch(/cannot be read[\s\S]*UTF-16/);
  });
});
