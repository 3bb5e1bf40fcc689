import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  MAX_PROPOSALS,
  type ServerVadSettings,
  ThresholdTuner,
  TUNER_BOUNDS,
} from "../../src/vad/threshold-tuner.js";

const START: ServerVadSettings = { threshold: 0.5, prefixPaddingMs: 300, silenceDurationMs: 500 };

describe("ThresholdTuner", () => {
  it("leaves a good line alone", () => {
    const tuner = new ThresholdTuner(START);
    for (let n = 0; n < 20; n++) {
      tuner.turnEnded(60);
      tuner.lineMeasured(-65, -25);
      expect(tuner.propose(n * 5_000)).toBeNull();
    }
  });

  it("raises the threshold when noise begins turns or keeps them open, not at the first sign", () => {
    const tuner = new ThresholdTuner(START);
    tuner.falseTurn();
    expect(tuner.propose(0)).toBeNull();
    tuner.turnEnded(2_000);
    expect(tuner.propose(1_000)).toEqual({ ...START, threshold: 0.6 });
    tuner.falseTurn();
    tuner.turnEnded(50);
    expect(tuner.propose(9_000)).toBeNull();
  });

  it("lowers it when the caller speaks and the server hears nothing, but never to where it was too low", () => {
    const tuner = new ThresholdTuner(START);
    tuner.missed();
    tuner.missed();
    expect(tuner.propose(0)).toEqual({ ...START, threshold: 0.4 });
    for (let n = 0; n < 6; n++) tuner.falseTurn();
    expect(tuner.propose(10_000)?.threshold).toBe(0.5);
    for (let n = 0; n < 10; n++) tuner.missed();
    expect(tuner.propose(20_000)).toBeNull();
  });

  it("waits as long as this caller pauses, soon for long pauses and late for short ones", () => {
    const slow = new ThresholdTuner(START);
    slow.callerPaused(600);
    slow.callerPaused(650);
    expect(slow.propose(0)).toBeNull();
    slow.callerPaused(620);
    expect(slow.propose(0)?.silenceDurationMs).toBe(750);
    const quick = new ThresholdTuner(START);
    for (let n = 0; n < 7; n++) quick.callerPaused(120);
    expect(quick.propose(0)).toBeNull();
    quick.callerPaused(120);
    expect(quick.propose(0)?.silenceDurationMs).toBe(TUNER_BOUNDS.silenceDurationMs[0]);
  });

  it("keeps more of the beginning where speech hardly stands out", () => {
    const tuner = new ThresholdTuner(START);
    tuner.lineMeasured(-35, -28);
    expect(tuner.propose(0)).toEqual({ ...START, prefixPaddingMs: 400 });
  });

  const sign = fc.constantFrom("nothing", "missed", "late", "fine", "paused" as const);

  it("stays in its bounds, spares its messages and never goes back and forth, whatever it is told", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(sign, fc.integer({ min: 0, max: 3_000 })), { maxLength: 400 }),
        (signs) => {
          const tuner = new ThresholdTuner(START);
          const proposals: ServerVadSettings[] = [START];
          signs.forEach(([what, ms], n) => {
            if (what === "nothing") tuner.falseTurn();
            else if (what === "missed") tuner.missed();
            else if (what === "late") tuner.turnEnded(ms);
            else if (what === "fine") tuner.turnEnded(20);
            else tuner.callerPaused(ms);
            const next = tuner.propose(n * 700);
            if (next !== null) proposals.push(next);
          });
          expect(proposals.length - 1).toBeLessThanOrEqual(MAX_PROPOSALS);
          for (const { threshold, silenceDurationMs, prefixPaddingMs } of proposals) {
            expect(threshold).toBeGreaterThanOrEqual(TUNER_BOUNDS.threshold[0]);
            expect(threshold).toBeLessThanOrEqual(TUNER_BOUNDS.threshold[1]);
            expect(silenceDurationMs).toBeGreaterThanOrEqual(TUNER_BOUNDS.silenceDurationMs[0]);
            expect(silenceDurationMs).toBeLessThanOrEqual(TUNER_BOUNDS.silenceDurationMs[1]);
            expect(prefixPaddingMs).toBeLessThanOrEqual(TUNER_BOUNDS.prefixPaddingMs[1]);
          }
          const turns = proposals
            .map(({ threshold }) => threshold)
            .filter((threshold, i, all) => threshold !== all[i - 1])
            .map((threshold, i, all) => Math.sign(threshold - (all[i - 1] ?? threshold)))
            .filter((direction) => direction !== 0);
          const reversals = turns.filter(
            (direction, i) => i > 0 && direction !== turns[i - 1],
          ).length;
          // Down once, and up once from there: what was too low is not tried again.
          expect(reversals).toBeLessThanOrEqual(2);
        },
      ),
      { numRuns: 500 },
    );
  });
});
