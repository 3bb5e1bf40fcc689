import { describe, expect, it } from "vitest";
import { dtmfTones, isDtmf } from "../../src/codec/dtmf.js";
import { decodeUlaw } from "../../src/codec/ulaw.js";

/** Power of one frequency in a tone, by Goertzel's filter: a receiver's own way to hear a key. */
function power(pcm: Int16Array, hz: number): number {
  const coefficient = 2 * Math.cos((2 * Math.PI * hz) / 8000);
  let one = 0;
  let two = 0;
  for (const sample of pcm) {
    const zero = sample + coefficient * one - two;
    two = one;
    one = zero;
  }
  return one * one + two * two - coefficient * one * two;
}

const GROUPS = [697, 770, 852, 941, 1209, 1336, 1477, 1633];

describe("dtmfTones", () => {
  it.each([
    ["1", 697, 1209],
    ["5", 770, 1336],
    ["0", 941, 1336],
    ["#", 941, 1477],
    ["D", 941, 1633],
  ])("sounds key %s as %i and %i Hz, then is silent", (key, low, high) => {
    const ulaw = dtmfTones(key);
    expect(ulaw).toHaveLength(180 * 8);
    const pcm = new Int16Array(800);
    decodeUlaw(ulaw.subarray(0, 800), pcm);
    const loudest = GROUPS.map((hz) => [hz, power(pcm, hz)] as const).sort((a, b) => b[1] - a[1]);
    expect(new Set(loudest.slice(0, 2).map(([hz]) => hz))).toEqual(new Set([low, high]));
    expect(loudest[1]![1]).toBeGreaterThan(100 * loudest[2]![1]);
    expect(ulaw.subarray(800)).toEqual(new Uint8Array(640).fill(0xff));
  });

  it("joins keys and waits half a second at a w", () => {
    expect(dtmfTones("1w2")).toHaveLength((180 + 500 + 180) * 8);
  });

  it("takes keys and nothing else", () => {
    expect(isDtmf("12*#ABCDw")).toBe(true);
    for (const bad of ["", "12e", "1 2", "1".repeat(33)]) expect(isDtmf(bad)).toBe(false);
    expect(() => dtmfTones("x")).toThrow(RangeError);
  });
});
