import { spawnSync } from "node:child_process";
import { getPriority } from "node:os";
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

  it.skipIf(process.platform !== "linux")("come after the main thread and later ones", () => {
    const module = JSON.stringify(
      new URL("../../../src/adapters/system/helper-threads.ts", import.meta.url),
    );
    const script = `
      import { readdirSync } from "node:fs";
      import { getPriority } from "node:os";
      import { Worker } from "node:worker_threads";
      import { lowerHelperThreads } from ${module};
      const before = readdirSync("/proc/self/task");
      lowerHelperThreads(7);
      const later = new Worker("setInterval(() => undefined, 1000)", { eval: true });
      later.once("online", () => {
        const found = { main: [], helpers: [], later: [] };
        for (const thread of readdirSync("/proc/self/task")) {
          const isMain = Number(thread) === process.pid;
          const kind = isMain ? "main" : before.includes(thread) ? "helpers" : "later";
          found[kind].push(getPriority(Number(thread)));
        }
        console.log(JSON.stringify(found));
        process.exit();
      });`;
    const args = ["--import", "tsx", "--input-type=module", "-e", script];
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    const found = JSON.parse(stdout || stderr);
    const own = getPriority();
    expect(found.main).toEqual([own]);
    expect(found.helpers.length).toBeGreaterThan(3);
    expect(new Set(found.helpers)).toEqual(new Set([Math.min(own + 7, 19)]));
    expect(new Set(found.later)).toEqual(new Set([own]));
  });
});
