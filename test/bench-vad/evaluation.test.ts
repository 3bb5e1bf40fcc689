import { beforeAll, describe, expect, it } from "vitest";
import { claimsOf } from "../../bench/vad/claims.js";
import { fvadDetectors, OURS, ours } from "../../bench/vad/detectors.js";
import { makeEvalSet } from "../../bench/vad/eval-set.js";
import {
  bestOther,
  type Evaluation,
  evaluate,
  type Row,
  rowOf,
} from "../../bench/vad/evaluation.js";
import { percentile } from "../../bench/vad/measures.js";
import { parseOptions } from "../../bench/vad/options.js";
import { plots } from "../../bench/vad/plots.js";
import { reportMarkdown } from "../../bench/vad/report.js";
import { voices } from "./voices.js";

/** What a frame costs depends on the machine. This is made up and not checked here. */
const COSTS = ["murelay", "fvad 0", "fvad 1", "fvad 2", "fvad 3"].map((name, i) => ({
  name,
  fastestUs: 1 + i,
  medianUs: 1 + i,
}));

describe("a small evaluation on the demo's voices", () => {
  let evaluation: Evaluation;
  beforeAll(async () => {
    const set = makeEvalSet(voices(), [], { speechS: 30, noiseS: 40 }, 7);
    evaluation = evaluate(set, [ours(), ...(await fvadDetectors())], COSTS);
  });

  it.each(["none", "20", "10", "5"])("finds ours ahead of every mode of fvad at %s dB", (snr) => {
    const f1 = (row: Row) => row.f1BySnr[snr]!;
    expect(f1(rowOf(evaluation, OURS))).toBeGreaterThan(bestOther(evaluation.rows, f1));
  });

  it("finds onsets noticed in time", () => {
    const { delaysMs, missed } = rowOf(evaluation, OURS).onsets;
    expect(delaysMs.length).toBeGreaterThan(30);
    expect(percentile(delaysMs, 50)).toBeLessThanOrEqual(60);
    expect(percentile(delaysMs, 90)).toBeLessThanOrEqual(120);
    expect(missed / delaysMs.length).toBeLessThan(0.03);
  });

  it("finds half the false onsets of fvad's best mode, at its recall and as it is", () => {
    const equal = evaluation.equalRecall.find(({ name }) => name === "fvad 3")!;
    expect(equal.ours.perHour).toBeLessThanOrEqual(equal.theirs.perHour / 2);
    const as = (row: Row) => -row.falseOnsets.perHour;
    expect(rowOf(evaluation, OURS).falseOnsets.perHour).toBeLessThanOrEqual(
      -bestOther(evaluation.rows, as) / 2,
    );
  });

  it("finds sure silence sure", () => {
    expect(evaluation.sure.share).toBeGreaterThan(0.5);
    expect(evaluation.sure.speechShare).toBeLessThan(0.01);
  });

  it("draws a curve on which more speech found means more mistaken", () => {
    for (let i = 1; i < evaluation.curve.length; i++) {
      expect(evaluation.curve[i]!.recall).toBeLessThanOrEqual(evaluation.curve[i - 1]!.recall);
      expect(evaluation.curve[i]!.falseAlarmShare).toBeLessThanOrEqual(
        evaluation.curve[i - 1]!.falseAlarmShare,
      );
    }
  });

  it("is told in tables of even width, every promise among them", () => {
    const claims = claimsOf(evaluation);
    const report = reportMarkdown(evaluation, claims);
    for (const { what } of claims) expect(report).toContain(what);
    for (const part of report.split("\n\n").filter((text) => text.startsWith("|"))) {
      const rows = part.split("\n");
      expect(new Set(rows.map((row) => row.split("|").length)).size).toBe(1);
    }
  });

  it("is drawn in well-formed pictures", () => {
    for (const svg of plots(evaluation).values()) {
      expect(svg).not.toContain("NaN");
      expect(svg.match(/<text/g)?.length).toBe(svg.match(/<\/text>/g)?.length);
      expect(svg.trimEnd().endsWith("</svg>")).toBe(true);
      for (const name of ["murelay", "fvad 0", "fvad 3"]) expect(svg).toContain(`>${name}</text>`);
    }
  });
});

describe("promises", () => {
  it("break where a figure is beyond its limit", async () => {
    const set = makeEvalSet(voices(), [], { speechS: 4, noiseS: 4 }, 7);
    const slow = COSTS.map((cost) => ({
      ...cost,
      fastestUs: 9,
      medianUs: cost.name === OURS ? 9 : 2,
    }));
    const claims = claimsOf(evaluate(set, [ours(), ...(await fvadDetectors())], slow));
    expect(
      claims.filter(({ what }) => what.startsWith("a frame costs")).map(({ holds }) => holds),
    ).toEqual([false, false]);
  });
});

describe("the command line", () => {
  it("has defaults", () => {
    expect(parseOptions([])).toEqual({
      quick: false,
      check: false,
      write: false,
      speechDir: null,
      jsonFile: null,
      sileroDir: null,
      seed: 7,
    });
  });

  it("takes all options", () => {
    expect(
      parseOptions([
        "--quick",
        "--check",
        "--speech",
        "dir",
        "--json",
        "file",
        "--silero",
        "s",
        "--seed",
        "3",
      ]),
    ).toEqual({
      quick: true,
      check: true,
      write: false,
      speechDir: "dir",
      jsonFile: "file",
      sileroDir: "s",
      seed: 3,
    });
    expect(parseOptions(["-h"])).toBe("help");
  });

  it.each([
    ["--nonsense"],
    ["--seed", "x"],
    ["--write", "--quick"],
    ["--write", "--speech", "dir"],
    ["extra"],
  ])("refuses %s %s", (...args) => {
    expect(() => parseOptions(args)).toThrow();
  });
});
