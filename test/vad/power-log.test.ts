import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { core, coreNumbers, placeOf } from "../../src/codec/audio-core.js";
import { dbovToOctaves, octavesToDbov } from "../../src/vad/power-log.js";

const powers = coreNumbers("POWERS", 6);

function octavesOf(power: number): number {
  powers.set([1, power]);
  core.toOctaves(placeOf("POWERS"), 2);
  return powers[1]!;
}

describe("power as octaves", () => {
  it("is the logarithm, within a thousandth", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 2 ** 30, noNaN: true }), (power) => {
        expect(Math.abs(octavesOf(power) - Math.log2(power + 64))).toBeLessThan(0.001);
      }),
    );
  });

  it("takes less than nothing for nothing", () => {
    expect(octavesOf(-1e6)).toBe(octavesOf(0));
  });

  it("goes from −72 dBov for nothing to 0 for full scale", () => {
    expect(octavesToDbov(octavesOf(0))).toBeCloseTo(-72.25, 1);
    expect(octavesToDbov(octavesOf(2 ** 30))).toBeCloseTo(0, 1);
  });

  it("comes back from dBov", () => {
    for (const dbov of [-60, -33, 0])
      expect(octavesToDbov(dbovToOctaves(dbov))).toBeCloseTo(dbov, 9);
  });
});
