import { describe, expect, it } from "vitest";
import type { Line } from "../../bench/vad/lines.js";
import {
  borderForRecall,
  countFalseOnsets,
  countFrames,
  cutAt,
  f1Of,
  falseAlarmShare,
  type Heard,
  measureOnsets,
  percentile,
  recallOf,
} from "../../bench/vad/measures.js";

const bits = (frames: string) => Uint8Array.from(frames, (frame) => (frame === "#" ? 1 : 0));

/** "#" is speech: as it was, and as a detector judged it. */
function heard(truth: string, verdicts: string): Heard {
  const line: Line = {
    language: "en",
    noise: "white",
    snrDb: 10,
    ulaw: new Uint8Array(),
    truth: bits(truth),
  };
  return { line, verdicts: bits(verdicts), scores: null };
}

const silence = (frames: number) => ".".repeat(frames);

describe("frames", () => {
  const frames = countFrames([heard("..####..", "...###.#"), heard("#.", "..")]);

  it("are counted over all lines", () => {
    expect(frames).toEqual({ hits: 3, misses: 2, falseAlarms: 1, quiet: 4 });
  });

  it("make recall, false alarms and F1", () => {
    expect(recallOf(frames)).toBeCloseTo(3 / 5);
    expect(falseAlarmShare(frames)).toBeCloseTo(1 / 5);
    expect(f1Of(frames)).toBeCloseTo(6 / 9);
  });

  it("make no figure out of nothing", () => {
    const none = countFrames([]);
    expect([recallOf(none), falseAlarmShare(none), f1Of(none)]).toEqual([0, 0, 0]);
  });
});

describe("an onset", () => {
  it("is late by all frames up to the one that made it certain", () => {
    const { delaysMs } = measureOnsets([
      heard(`${silence(20)}##########`, `${silence(20)}##########`),
      heard(`${silence(20)}##########`, `${silence(23)}#######`),
    ]);
    expect(delaysMs).toEqual([40, 100]);
  });

  it("that is never noticed is infinitely late", () => {
    const { delaysMs, missed } = measureOnsets([heard(`${silence(20)}####`, silence(24))]);
    expect(delaysMs).toEqual([Infinity]);
    expect(missed).toBe(1);
  });

  it("does not count where the line was held already", () => {
    const { delaysMs, alreadyOn } = measureOnsets([heard(`${silence(20)}####`, "#".repeat(24))]);
    expect(delaysMs).toEqual([]);
    expect(alreadyOn).toBe(1);
  });

  it("may be noticed a little early, and is then on time", () => {
    expect(measureOnsets([heard(`${silence(20)}####`, `${silence(18)}######`)]).delaysMs).toEqual([
      0,
    ]);
  });

  it("needs silence before it: the next word is none", () => {
    const truth = `${silence(20)}###${silence(17)}###`;
    expect(measureOnsets([heard(truth, truth)]).delaysMs).toHaveLength(1);
  });
});

describe("false onsets", () => {
  it("are counted by the endpointer, with the time for which they hold the line", () => {
    // One second: two bursts that count, and a click that does not.
    const verdicts = `..###${silence(12)}#${silence(12)}##${silence(18)}`;
    const { onsets, perHour, heldShare } = countFalseOnsets([
      heard(silence(50), verdicts.slice(0, 50)),
    ]);
    expect(onsets).toBe(2);
    expect(perHour).toBeCloseTo(2 * 3600, 6);
    expect(heldShare).toBeCloseTo((11 + 10) / 50, 1);
  });
});

describe("a detector's borders", () => {
  const line: Line = {
    language: "en",
    noise: "none",
    snrDb: 10,
    ulaw: new Uint8Array(),
    truth: bits(".####."),
  };
  const scored: Heard = {
    line,
    verdicts: new Uint8Array(6),
    scores: Float32Array.of(-5, 3, 0.2, 2, 1, -4),
  };

  it("can be moved after the fact; going on takes less than beginning", () => {
    expect([...cutAt([scored], 2.5, 2.5)[0]!.verdicts]).toEqual([0, 1, 0, 0, 0, 0]);
    expect([...cutAt([scored], 2.5, 0)[0]!.verdicts]).toEqual([0, 1, 1, 1, 1, 0]);
  });

  it("are found for a recall", () => {
    const border = borderForRecall([scored], 0.75, 0);
    expect(border).toBeCloseTo(1, 3);
    expect(recallOf(countFrames(cutAt([scored], border, border)))).toBe(0.75);
  });

  it("cannot be moved where there are no scores", () => {
    expect(() => cutAt([heard("..", "..")], 0, 0)).toThrow("without scores");
  });
});

describe("a percentile", () => {
  it("is one of the values", () => {
    const values = [10, 20, 30, 40];
    expect([0, 25, 50, 90, 100].map((p) => percentile(values, p))).toEqual([10, 10, 20, 40, 40]);
  });

  it("of nothing is none", () => {
    expect(percentile([], 50)).toBeNaN();
  });
});
