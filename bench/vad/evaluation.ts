/** Runs every detector on every line and computes the figures of the report. */
import { BEGIN_SCORE, GO_ON_SCORE } from "../../src/vad/frame-vad.js";
import type { Detector } from "./detectors.js";
import { listen, measureSureSilence, OURS, type SureSilence } from "./detectors.js";
import { type EvalSet, SNRS_DB } from "./eval-set.js";
import type { Line } from "./lines.js";
import {
  borderForRecall,
  countFalseOnsets,
  countFrames,
  cutAt,
  type FalseOnsets,
  f1Of,
  falseAlarmShare,
  type Heard,
  measureOnsets,
  type Onsets,
  recallOf,
} from "./measures.js";
import { NOISE_KINDS } from "./noise.js";
import type { Cost } from "./speed.js";

/** Promises are made down to this; 0 dB is shown, and nothing is promised. */
export const PROMISED_SNR_DB = 5;
const ONSET_SNR_DB = 10;
/** Certain silence is measured on quiet lines, up to this noise. */
const QUIET_LINE_SNR_DB = 20;

export interface Row {
  readonly name: string;
  /** Frame F1 by loudness of the noise; "none" is without noise. */
  readonly f1BySnr: Readonly<Record<string, number>>;
  /** Of the lines with at least PROMISED_SNR_DB. */
  readonly f1ByLanguage: Readonly<Record<string, number>>;
  readonly f1ByNoise: Readonly<Record<string, number>>;
  readonly recall: number;
  readonly falseAlarmShare: number;
  /** On lines with at least 10 dB. */
  readonly onsets: Onsets;
  readonly falseOnsets: FalseOnsets;
  readonly falseOnsetsByNoise: Readonly<Record<string, FalseOnsets>>;
}

/** Ours, tuned to find the same share of the speech as a mode of the other. */
export interface EqualRecall {
  readonly name: string;
  readonly recall: number;
  readonly theirs: FalseOnsets;
  readonly ours: FalseOnsets;
  /** What that costs: how late ours then notices speech, on lines with at least 10 dB. */
  readonly ourOnsets: Onsets;
}

/** Ours with its borders moved together. */
export interface CurvePoint {
  /** With the borders as far apart as they are in use. */
  readonly falseAlarmShare: number;
  readonly recall: number;
  /** With the borders ONSET_GAP apart. */
  readonly onsetRecall: number;
  readonly falseOnsetsPerHour: number;
}

export interface Evaluation {
  readonly languages: readonly string[];
  readonly speechHours: number;
  readonly noiseHours: number;
  readonly rows: readonly Row[];
  readonly guests: readonly Row[];
  readonly equalRecall: readonly EqualRecall[];
  /**
   * Ours, from eager to strict, on the lines with at least PROMISED_SNR_DB and on those without
   * speech.
   */
  readonly curve: readonly CurvePoint[];
  readonly costs: readonly Cost[];
  /** On lines without noise or with 20 dB. */
  readonly sure: SureSilence;
}

const FRAME_GAP = BEGIN_SCORE - GO_ON_SCORE;
/**
 * The gap between beginning and going on with which fewest noises begin at a given recall: found on
 * the dev half.
 */
const ONSET_GAP = 4;
const CURVE_BORDERS = Array.from({ length: 29 }, (_, i) => (i - 14) / 2);

const atLeast = (snrDb: number) => (line: Line) => line.snrDb >= snrDb;

/** The decisions of a detector on a set of lines. */
export interface Listened {
  readonly name: string;
  readonly speech: readonly Heard[];
  readonly noise: readonly Heard[];
}

/** @param guests  detectors that are only shown, and part of no promise */
export function evaluate(
  set: EvalSet,
  detectors: readonly Detector[],
  costs: readonly Cost[],
  guests: readonly Listened[] = [],
): Evaluation {
  const heard: Listened[] = detectors.map((detector) => ({
    name: detector.name,
    speech: listen(detector, set.speech),
    noise: listen(detector, set.noise),
  }));
  const ours = heard.find(({ name }) => name === OURS);
  if (ours === undefined) throw new Error("nothing of ours among the detectors");
  const promised = ours.speech.filter(({ line }) => atLeast(PROMISED_SNR_DB)(line));
  return {
    languages: set.languages,
    speechHours: hours(set.speech),
    noiseHours: hours(set.noise),
    rows: heard.map((one) => row(set, one)),
    guests: guests.map((one) => row(set, one)),
    equalRecall: heard
      .filter(({ name }) => name !== OURS)
      .map(({ name, speech, noise }) => {
        const recall = recallOf(
          countFrames(speech.filter(({ line }) => atLeast(PROMISED_SNR_DB)(line))),
        );
        const border = borderForRecall(promised, recall, ONSET_GAP);
        const tuned = cutAt(ours.noise, border, border - ONSET_GAP);
        const clear = ours.speech.filter(({ line }) => atLeast(ONSET_SNR_DB)(line));
        return {
          name,
          recall,
          theirs: countFalseOnsets(noise),
          ours: countFalseOnsets(tuned),
          ourOnsets: measureOnsets(cutAt(clear, border, border - ONSET_GAP)),
        };
      }),
    curve: CURVE_BORDERS.map((border) => {
      const frames = countFrames(cutAt(promised, border, border - FRAME_GAP));
      const eager = cutAt(promised, border, border - ONSET_GAP);
      const noise = cutAt(ours.noise, border, border - ONSET_GAP);
      return {
        falseAlarmShare: falseAlarmShare(frames),
        recall: recallOf(frames),
        onsetRecall: recallOf(countFrames(eager)),
        falseOnsetsPerHour: countFalseOnsets(noise).perHour,
      };
    }),
    costs,
    sure: measureSureSilence(set.speech.filter(atLeast(QUIET_LINE_SNR_DB))),
  };
}

function row(set: EvalSet, { name, speech, noise }: Listened): Row {
  const promised = speech.filter(({ line }) => atLeast(PROMISED_SNR_DB)(line));
  const frames = countFrames(promised);
  return {
    name,
    f1BySnr: byKey(["none", ...SNRS_DB.map(String)], speech, (line) =>
      line.noise === "none" ? "none" : String(line.snrDb),
    ),
    f1ByLanguage: byKey(set.languages, promised, (line) => line.language),
    f1ByNoise: byKey(["none", ...NOISE_KINDS], promised, (line) => line.noise),
    recall: recallOf(frames),
    falseAlarmShare: falseAlarmShare(frames),
    onsets: measureOnsets(speech.filter(({ line }) => atLeast(ONSET_SNR_DB)(line))),
    falseOnsets: countFalseOnsets(noise),
    falseOnsetsByNoise: Object.fromEntries(
      NOISE_KINDS.map((kind) => [
        kind,
        countFalseOnsets(noise.filter(({ line }) => line.noise === kind)),
      ]),
    ),
  };
}

function byKey(
  keys: readonly string[],
  heard: readonly Heard[],
  keyOf: (line: Line) => string,
): Record<string, number> {
  return Object.fromEntries(
    keys.map((key) => [key, f1Of(countFrames(heard.filter(({ line }) => keyOf(line) === key)))]),
  );
}

function hours(lines: readonly Line[]): number {
  return lines.reduce((sum, { truth }) => sum + truth.length, 0) / 180_000;
}

/**
 * The best of the others' modes, cell by cell: a user of theirs has to take one, we compare with
 * all.
 */
export function bestOther(rows: readonly Row[], cell: (row: Row) => number): number {
  return Math.max(...rows.filter(({ name }) => name !== OURS).map(cell));
}

export function rowOf(evaluation: Evaluation, name: string): Row {
  const found = evaluation.rows.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no detector ${name}`);
  return found;
}
