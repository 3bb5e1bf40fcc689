/** The quick cases, for what must hold. What they do to other calls is measured by `npm run test:faults`. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { FAULT_CASES } from "./cases.js";
import { leakOf, medianOf, standstill, steadyFailure } from "./run-case.js";
import { World } from "./world.js";

describe("the relay, when", () => {
  let world: World;
  beforeAll(async () => {
    world = await World.start({ calls: 0 });
  }, 90_000);
  afterEach(async () => await world.tidyUp());
  afterAll(async () => await world?.stop());

  for (const { quick, waits, what, run } of FAULT_CASES)
    if (quick === true)
      it(what, { concurrent: waits === true, timeout: 60_000 }, async () => await run(world));
});

describe("the judgement of a run", () => {
  const own = { p99Ms: 1, gapMs: 21 };
  const quiet = { ...own, lost: 0, own };

  it.each([
    [{ p99Ms: 6, gapMs: 41, lost: 0 }, null],
    [{ p99Ms: 6.1, gapMs: 21, lost: 0 }, "uplink p99"],
    [{ p99Ms: 1, gapMs: 41.1, lost: 0 }, "longest gap"],
    [{ p99Ms: 1, gapMs: 21, lost: 3 }, "3 frames"],
  ])("of steady calls with %j: %s", (fault, failure) => {
    // What the machine took is told, and excuses nothing.
    const found = steadyFailure(quiet, { ...fault, own });
    if (failure === null) expect(found).toBeNull();
    else expect(found).toContain(failure);
  });

  it("excuses no standstill, not even in one round", () => {
    const rounds = (...gaps: number[]) => gaps.map((gapMs) => ({ p99Ms: 1, gapMs }));
    expect(standstill(rounds(21, 22, 30), rounds(22, 180, 21))).toBeNull();
    expect(standstill(rounds(21, 22, 30), rounds(22, 181, 21))).toContain("181 ms");
  });

  it("of several rounds is that of the median, but for frames that were lost", () => {
    const rounds = [30, 1, 2].map((p99Ms, i) => ({ p99Ms, gapMs: 20 + i, lost: i, own }));
    expect(medianOf(rounds)).toEqual({ p99Ms: 2, gapMs: 21, lost: 3, own });
  });

  it.each([
    [{ memory: 14_000_000, descriptors: 42, timers: 20 }, null],
    [{ memory: 16_000_000, descriptors: 40, timers: 10 }, "MB"],
    [{ memory: 9_000_000, descriptors: 50, timers: 10 }, "descriptors"],
    [{ memory: 9_000_000, descriptors: 40, timers: 40 }, "timers"],
  ])("of what is left with %j: %s", (after, leak) => {
    const found = leakOf({ memory: 10_000_000, descriptors: 40, timers: 10 }, after);
    if (leak === null) expect(found).toBeNull();
    else expect(found).toContain(leak);
  });
});

it("names of cases are unique, as the command line needs them", () => {
  const names = FAULT_CASES.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});
