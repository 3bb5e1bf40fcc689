import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type JitterKind, Link } from "../../bench/load/link.js";
import { Random } from "../../bench/random.js";

function arrivals(
  options: { delayMs: number; jitterMs: number; kind: JitterKind },
  sentMs: readonly number[],
  seed = 1,
): number[] {
  const link = new Link(options, new Random(seed));
  return sentMs.map((ms) => link.arrivalMs(ms));
}

const every20Ms = Array.from({ length: 2000 }, (_, i) => i * 20);

describe("Link", () => {
  it.each(["bursts", "each"] as const)("keeps order and its limits (%s)", (kind) => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 200 }),
        fc.integer({ min: 0, max: 100 }),
        fc.integer({ min: 1, max: 1000 }),
        (delayMs, jitterMs, seed) => {
          const arrived = arrivals({ delayMs, jitterMs, kind }, every20Ms.slice(0, 200), seed);
          for (const [i, atMs] of arrived.entries()) {
            const extraMs = atMs - every20Ms[i]! - delayMs;
            expect(extraMs).toBeGreaterThanOrEqual(-1e-6);
            expect(extraMs).toBeLessThanOrEqual(jitterMs + 1e-6);
            if (i > 0) expect(atMs).toBeGreaterThanOrEqual(arrived[i - 1]!);
          }
        },
      ),
    );
  });

  it("delays by a constant without jitter", () => {
    const options = { delayMs: 60, jitterMs: 0, kind: "bursts" } as const;
    expect(arrivals(options, [0, 5, 100])).toEqual([60, 65, 160]);
  });

  it("holds a tenth of the messages and delivers those of one burst at once", () => {
    const options = { delayMs: 10, jitterMs: 60, kind: "bursts" } as const;
    const arrived = arrivals(options, every20Ms);
    const held = arrived.filter((atMs, i) => atMs - every20Ms[i]! > 10.001);
    expect(held.length / arrived.length).toBeGreaterThan(0.06);
    expect(held.length / arrived.length).toBeLessThan(0.18);
    expect(new Set(held).size).toBeLessThan(held.length);
  });

  it("carries what leaves together in one packet", () => {
    const options = { delayMs: 10, jitterMs: 60, kind: "each" } as const;
    const [first, second, later] = arrivals(options, [100, 100.4, 200]);
    expect(second).toBe(first);
    expect(later).toBeGreaterThan(first!);
  });
});
