import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { flagsBeside } from "../../../src/adapters/system/helper-threads.js";

const threads = (flags: readonly string[]): number => {
  const script = "console.log(fs.readdirSync('/proc/self/task').length)";
  return Number(spawnSync(process.execPath, [...flags, "-e", script], { encoding: "utf8" }).stdout);
};

describe("helper threads of V8", () => {
  it.skipIf(process.platform !== "linux")("are one in place of four", () => {
    expect(threads([])).toBeGreaterThan(3);
    expect(threads([]) - threads(flagsBeside([]))).toBe(3);
  });

  it.each([
    [["--enable-source-maps"], "--max-old-space-size=4000", ["--v8-pool-size=1"]],
    [["--v8-pool-size=2", "--no-warnings"], undefined, ["--v8-pool-size=2"]],
    [[], "--no-warnings --v8-pool-size=6", []],
  ])("are as many as an operator has chosen: %j, %j", (given, nodeOptions, flags) => {
    expect(flagsBeside(given, nodeOptions)).toEqual(flags);
  });
});
