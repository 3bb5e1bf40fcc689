import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { youngGenerationFlags } from "../../../src/adapters/system/v8-flags.js";

const MODULE = fileURLToPath(new URL("../../../src/adapters/system/v8-flags.ts", import.meta.url));

/** How large the young generation has become, in MiB, after much short-lived garbage. */
function youngGenerationMiB(flags: readonly string[], imports: boolean, objects = 400_000): number {
  const script = `
    ${imports ? `await import(${JSON.stringify(MODULE)});` : ""}
    const { getHeapSpaceStatistics } = await import("node:v8");
    let kept = [];
    for (let i = 0; i < ${objects}; i++) {
      kept.push({ i, text: "x" + i });
      if (kept.length > 40_000) kept = [];
    }
    const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space");
    console.log(young.space_size / 1048576);`;
  const { stdout } = spawnSync(
    process.execPath,
    ["--import", "tsx", ...flags, "--input-type=module", "-e", script],
    { encoding: "utf8" },
  );
  return Number(stdout);
}

describe("v8-flags", () => {
  it("keeps the young generation from growing", () => {
    const small = youngGenerationMiB([], true);
    expect(small).toBeGreaterThan(0);
    expect(small).toBeLessThan(youngGenerationMiB([], false) / 2);
  });

  it("gives a worker one that neither grows nor begins small", () => {
    const [idle, busy] = [0, 400_000].map((objects) =>
      youngGenerationMiB(youngGenerationFlags, true, objects),
    );
    // Later releases count a half more once it is used.
    expect(idle).toBeGreaterThanOrEqual(2);
    expect(busy).toBeLessThanOrEqual(4);
  });

  it("leaves it to an operator who sets the size", () => {
    expect(youngGenerationMiB(["--min-semi-space-size=8"], true)).toBeGreaterThan(8);
  });

  /** Full collections while a heap of 100 MiB grows by so many more. */
  function fullCollections(flags: readonly string[], grownMiB: number): number {
    const script = `
      const { growHeapByHalf } = await import(${JSON.stringify(MODULE)});
      const { PerformanceObserver } = await import("node:perf_hooks");
      const turn = () => new Promise((resolve) => setImmediate(resolve));
      let full = 0;
      const observer = new PerformanceObserver((list) => {
        full += list.getEntries().filter(({ detail }) => detail.kind === 4).length;
      });
      observer.observe({ entryTypes: ["gc"] });
      const kept = [];
      const grow = async (MiB) => {
        for (let i = 0; i < MiB * 8; i++) {
          kept.push(new Array(16_384).fill(i));
          if (i % 8 === 0) await turn();
        }
        await turn();
      };
      await grow(100);
      growHeapByHalf();
      gc();
      for (let i = 0; i < 10; i++) await turn();
      if (full === 0) throw new Error("nothing was collected");
      full = 0;
      await grow(${grownMiB});
      for (let i = 0; i < 10; i++) await turn();
      console.log(full);`;
    const given = [...youngGenerationFlags, "--expose-gc", ...flags];
    const args = ["--import", "tsx", ...given, "--input-type=module", "-e", script];
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    if (stdout === "") throw new Error(stderr);
    return Number(stdout);
  }

  it("lets a worker's heap grow by half until the next full collection", () => {
    expect(fullCollections([], 40)).toBe(0);
    expect(fullCollections([], 200)).toBeGreaterThan(0);
    expect(fullCollections(["--heap-growing-percent=400"], 200)).toBe(0);
  });
});
