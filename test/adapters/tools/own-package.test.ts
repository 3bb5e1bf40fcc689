import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ToolLauncher } from "../../../src/adapters/tools/launcher-client.js";
import { loadModuleTool } from "../../../src/adapters/tools/module-tool.js";
import { resolveOwnPackage } from "../../../src/adapters/tools/own-package.js";
import { defineTool } from "../../../src/tools/tool.js";

const TOOL = `{
  description: "Doubles a number",
  parameters: { type: "object", properties: { n: { type: "integer" } }, required: ["n"] },
  timeoutMs: 700,
  run: async ({ n }) => ({ twice: 2 * n }),
}`;
const IMPORT = `import { defineTool } from "murelay";\nexport default defineTool(${TOOL});`;

/** Outside of any package, as in a project of one's own. */
describe("a tool module in any folder and module system", { timeout: 30_000 }, () => {
  const launcher = new ToolLauncher({ warn: () => undefined });
  let folder = "";
  beforeAll(() => {
    resolveOwnPackage();
    resolveOwnPackage();
    folder = mkdtempSync(join(tmpdir(), "murelay-tools-"));
  });
  afterAll(() => {
    launcher.stop();
    rmSync(folder, { recursive: true });
  });

  it.each([
    ["a.mjs", IMPORT],
    ["a.js", IMPORT],
    ["a.ts", IMPORT.replace("{ n }", "{ n }: { n: number }")],
    ["a.mts", IMPORT],
    ["a.cjs", `const { defineTool } = require("murelay");\nmodule.exports = defineTool(${TOOL});`],
    [
      "named.cjs",
      `const { defineTool } = require("murelay");\nexports.helper = 1;\nexports.double = defineTool(${TOOL});`,
    ],
    [
      "promised.cjs",
      `module.exports = import("murelay").then(({ defineTool }) => defineTool(${TOOL}));`,
    ],
    ["named.mjs", IMPORT.replace("default", "const double =")],
  ])("is loaded from %s", async (name, text) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    const definition = {
      name: "double",
      description: "",
      parameters: {},
      timeoutMs: 5_000,
      sayWhileWaiting: null,
    };
    const tool = await loadModuleTool(definition, path, launcher);
    expect(tool).toMatchObject({ description: "Doubles a number", timeoutMs: 700 });
    const context = { signal: new AbortController().signal } as never;
    expect(await tool.run({ n: 21 }, context)).toEqual({ output: '{"twice":42}' });
  });
});

describe("defineTool of the package", () => {
  it("declares the same as that of the sources", async () => {
    const declaration = {
      description: "d",
      parameters: { type: "object", properties: {} },
      run: () => "said",
    } as const;
    const packaged = createRequire(import.meta.url)("../../../index.cjs").defineTool(declaration);
    const own = defineTool(declaration);
    expect(Object.keys(packaged)).toEqual(Object.keys(own));
    expect({ ...packaged, run: null }).toEqual({ ...own, run: null });
    expect(await packaged.run({}, {})).toEqual(await own.run({}, {} as never));
  });
});
