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
});
