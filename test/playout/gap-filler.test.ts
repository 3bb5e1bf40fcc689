import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GAP_LIMIT_MS, GapFiller } from "../../src/playout/gap-filler.js";

describe("GapFiller", () => {
  it("keeps the audio clock equal to Twilio's for any pattern of missing frames", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 500 }),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 200 }),
        (firstMs, present) => {
          const gaps = new GapFiller();
          let lastMs = 0;
          let filled = 0;
          const sent = [true, ...present];
          sent.forEach((isThere, i) => {
            if (!isThere) return;
            const timestampMs = firstMs + i * 20;
            filled += gaps.frame(timestampMs, 160);
            lastMs = timestampMs;
          });
          expect(gaps.audioMs).toBe(lastMs + 20 - firstMs);
          const missing = sent.slice(0, (lastMs - firstMs) / 20).filter((there) => !there).length;
          expect(filled).toBe(missing * 160);
        },
      ),
    );
  });

  it("takes a jitter of less than a frame for none", () => {
    const gaps = new GapFiller();
    expect([0, 27, 39, 99].map((ms) => gaps.frame(ms, 160))).toEqual([0, 0, 0, 312]);
  });

  it("makes no more than ten seconds of silence and goes on counting from there", () => {
    const gaps = new GapFiller();
    gaps.frame(0, 160);
    expect(gaps.frame(3_600_000, 160)).toBe(GAP_LIMIT_MS * 8);
    expect(gaps.frame(3_600_020, 160)).toBe(0);
    expect(gaps.frame(3_600_060, 160)).toBe(160);
  });

  it("adds nothing when late frames come after all, or the clock runs back", () => {
    const gaps = new GapFiller();
    gaps.frame(0, 160);
    expect(gaps.frame(100, 160)).toBe(640);
    expect([20, 40, 60, 80].map((ms) => gaps.frame(ms, 160))).toEqual([0, 0, 0, 0]);
    expect(gaps.frame(120, 160)).toBe(0);
  });
});
