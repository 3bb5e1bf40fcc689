import { describe, expect, it } from "vitest";
import { COMFORT_TONES, tone } from "../../src/codec/tone.js";
import { decodeUlaw } from "../../src/codec/ulaw.js";

function pcmOf(ulaw: Uint8Array): Int16Array {
  const pcm = new Int16Array(ulaw.length);
  decodeUlaw(ulaw, pcm);
  return pcm;
}

/** Power at one frequency, of full-scale samples, by correlation. */
function powerAt(pcm: Int16Array, hz: number): number {
  let re = 0;
  let im = 0;
  pcm.forEach((sample, n) => {
    re += sample * Math.cos((2 * Math.PI * hz * n) / 8000);
    im += sample * Math.sin((2 * Math.PI * hz * n) / 8000);
  });
  return Math.hypot(re, im) / pcm.length;
}

describe("tone", () => {
  it("sounds at its frequencies and nowhere else", () => {
    const pcm = pcmOf(tone([440, 1000], 4_000, 500));
    expect(pcm).toHaveLength(4_000);
    expect(powerAt(pcm, 440)).toBeGreaterThan(1_800);
    expect(powerAt(pcm, 1000)).toBeGreaterThan(1_800);
    expect(powerAt(pcm, 700)).toBeLessThan(60);
  });

  it.each(COMFORT_TONES)("begins and ends without a click", (ulaw) => {
    const pcm = pcmOf(ulaw);
    const steps = [...pcm].map((sample, n) => Math.abs(sample - (pcm[n - 1] ?? 0)));
    // The steepest step of the sine itself, with room for the coding's own.
    expect(Math.max(...steps)).toBeLessThan(1_600 * ((2 * Math.PI * 494) / 8000) + 70);
    expect(Math.abs(pcm[0]!)).toBeLessThan(10);
    expect(Math.abs(pcm.at(-1)!)).toBeLessThan(10);
  });
});
