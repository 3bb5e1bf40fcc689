import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { compileApart } from "../../../src/config/agents/read-apart.js";

describe.runIf(process.platform === "linux")("the process that reads", { timeout: 60_000 }, () => {
  /** Of each of its threads, the helpers of V8 included; empty: it does not run. */
  function niceValues(): readonly number[] {
    const running = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").split(" ");
    const isReader = (pid: string): boolean =>
      pid !== "" && fileText(`/proc/${pid}/cmdline`).includes("agents-process");
    const pid = running.find(isReader);
    if (pid === undefined) return [];
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
      const stat = fileText(`/proc/${pid}/task/${thread}/stat`);
      // The 19th field. The second is the program's name in parentheses.
      return stat === "" ? [] : [Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16])];
    });
  }

  it("leaves the processor to those that carry sound", async () => {
    const schemas = Array.from({ length: 300 }, (_, i) => ({ type: "object", title: String(i) }));
    const compiled = compileApart(schemas);
    await expect
      .poll(() => new Set(niceValues()), { timeout: 20_000, interval: 5 })
      .toEqual(new Set([10]));
    await compiled;
    // It waits for another job for a while.
    await expect.poll(niceValues, { timeout: 20_000 }).toEqual([]);
  });
});

function fileText(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    // It has ended.
    return "";
  }
}
