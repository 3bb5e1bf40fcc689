import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { World } from "./world.js";

/** Processes whose parent is this one. */
function children(): string[] {
  return readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      // The name, which stands in brackets, may hold anything.
      const [, parent] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)!.split(" ");
      return parent === String(process.pid);
    } catch {
      return false;
    }
  });
}

describe("a world that does not come about", () => {
  it.each([
    // The relay runs and has calls by then: it has no inspector that could be reached.
    ["after the relay has started", { NODE_OPTIONS: "" }],
    ["because the relay does not start", { PUBLIC_URL: "no address" }],
  ])(
    "leaves nothing running: %s",
    async (_, env) => {
      const before = children();
      await expect(World.start({ calls: 1, env })).rejects.toThrow();
      await expect.poll(() => children().filter((pid) => !before.includes(pid))).toEqual([]);
    },
    90_000,
  );
});
