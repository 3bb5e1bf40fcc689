import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { ToolLauncher } from "../../../src/adapters/tools/launcher-client.js";
import { loadModuleTool } from "../../../src/adapters/tools/module-tool.js";
import type { ToolContext } from "../../../src/tools/tool.js";
import { sid } from "../../fakes/call-bench.js";

const path = (file: string): string => fileURLToPath(new URL(`./modules/${file}`, import.meta.url));
const definition = (name: string, changes = {}) => ({
  name,
  description: "",
  parameters: { type: "object", properties: {}, additionalProperties: false },
  timeoutMs: 5_000,
  sayWhileWaiting: "One moment.",
  ...changes,
});
const context: ToolContext = {
  callSid: sid(1),
  from: "",
  to: "",
  agent: "support",
  language: "es",
  signal: new AbortController().signal,
  nowEpochMs: 0,
};

const launcher = new ToolLauncher({ warn: () => undefined });
afterAll(() => launcher.stop());

describe("a module tool", { timeout: 30_000 }, () => {
  it("is loaded from TypeScript, and takes from the module what the file leaves out", async () => {
    const tool = await loadModuleTool(definition("refund"), path("refund.ts"), launcher);
    expect(tool).toMatchObject({
      name: "refund",
      description: "Refund an order",
      timeoutMs: 1_234,
      sayWhileWaiting: "One moment.",
      parameters: { required: ["order"] },
    });
    expect(await tool.run({ order: "a1" }, context)).toEqual({
      output: '{"refunded":"A1","cents":null,"language":"es"}',
    });
  });

  it("keeps what the file says", async () => {
    const parameters = { type: "object", properties: { x: { type: "string" } } };
    const tool = await loadModuleTool(
      definition("refund", { description: "Give money back", parameters }),
      path("refund.ts"),
      launcher,
    );
    expect(tool).toMatchObject({ description: "Give money back", parameters });
  });

  it("is found by its name among several", async () => {
    const tool = await loadModuleTool(definition("second"), path("two.mjs"), launcher);
    expect(await tool.run({}, context)).toEqual({ output: "2" });
  });

  it.each([
    ["third", "two.mjs", "exports no defineTool"],
    ["nothing", "none.mjs", "exports no defineTool"],
    ["gone", "gone.ts", "gone.ts cannot be loaded: there is no such file"],
    ["refund", "refund.js", "there is no such file (did you mean refund.ts?)"],
    ["far", "none/far.js", "far.js cannot be loaded: there is no such file"],
  ])("named %s in %s is a fault of the settings", async (name, file, message) => {
    await expect(loadModuleTool(definition(name), path(file), launcher)).rejects.toMatchObject({
      code: "config_invalid",
      message: expect.stringContaining(message),
    });
  });
});
