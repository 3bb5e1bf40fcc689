import { describe, expect, it } from "vitest";
import { exportedTools, pickTool } from "../../../src/adapters/tools/module-exports.js";
import type { DeclaredTool } from "../../../src/adapters/tools/tool-messages.js";
import { defineTool } from "../../../src/tools/tool.js";

const tool = (description: string) =>
  defineTool({ description, parameters: { type: "object" }, run: () => 1 });
const keys = async (exported: unknown) => [...(await exportedTools(exported)).keys()];

describe("the tools that a module exports", () => {
  it.each<[string, unknown, string[]]>([
    [
      "default and named exports",
      { default: tool("a"), other: tool("b"), helper: 1 },
      ["default", "other"],
    ],
    [
      "a CommonJS module's exports",
      { default: { refund: tool("a") }, refund: tool("a") },
      ["refund"],
    ],
    [
      "a compiled CommonJS module's default",
      { default: { default: tool("a"), __esModule: true } },
      ["default"],
    ],
    ["a module that is a tool", { default: tool("a") }, ["default"]],
    ["a marked object of another copy of defineTool", { default: { ...tool("a") } }, ["default"]],
    ["what require gives for module.exports", tool("a"), ["default"]],
    ["a promise of a tool", { default: Promise.resolve(tool("a")) }, ["default"]],
    ["nothing", {}, []],
    ["null", null, []],
    ["a function", { default: () => 1 }, []],
    [
      "an object that only looks like one",
      { default: { description: "a", parameters: {}, run: () => 1 } },
      [],
    ],
    ["parameters that are none", { default: { ...tool("a"), parameters: 7 } }, []],
  ])("are found in %s", async (_what, exported, found) => {
    expect(await keys(exported)).toEqual(found);
  });

  it.each([50, 60_000, null, undefined])("may have the time-out %s", async (timeoutMs) => {
    const found = await exportedTools({ default: { ...tool("a"), timeoutMs } });
    expect(found.get("default")?.declared.timeoutMs).toBe(timeoutMs ?? null);
  });

  it.each([
    [49, "49"],
    [60_001, "60001"],
    [0.5, "0.5"],
    [-1, "-1"],
    [Number.NaN, "NaN"],
    [Number.POSITIVE_INFINITY, "Infinity"],
    ["5000", '"5000"'],
    [{}, "[object Object]"],
  ])("are refused with the time-out %s", async (timeoutMs, written) => {
    const exported = { refund: { ...tool("a"), timeoutMs } };
    await expect(exportedTools(exported)).rejects.toThrow(
      `timeoutMs of the export "refund" is ${written}: ` +
        "it must be a whole number of milliseconds from 50 to 60000",
    );
  });

  it("run as they were declared", async () => {
    const found = (await exportedTools({ default: tool("a") })).get("default");
    expect(found?.declared).toEqual({
      description: "a",
      parameters: { type: "object" },
      timeoutMs: null,
      sayWhileWaiting: null,
    });
    expect(await found?.run({}, {} as never)).toEqual({ output: 1 });
  });
});

describe("the tool that is meant", () => {
  const declared = (...names: string[]): DeclaredTool[] =>
    names.map((key) => ({
      key,
      description: "",
      parameters: {},
      timeoutMs: null,
      sayWhileWaiting: null,
    }));

  it.each([
    [["refund", "default"], "default"],
    [["other", "refund"], "refund"],
    [["other"], "other"],
    [["other", "another"], null],
    [[], null],
  ])("among %j is %s", (names, key) => {
    expect(pickTool(declared(...names), "refund")?.key ?? null).toBe(key);
  });
});
