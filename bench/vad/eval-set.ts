/** The lines that detectors are measured on: recordings of the test half only. */

import { Random } from "../random.js";
import { type Line, makeLine } from "./lines.js";
import { NOISE_KINDS, type NoiseMaterial } from "./noise.js";
import type { Recording } from "./prompts.js";

export const SNRS_DB = [20, 10, 5, 0] as const;

export interface EvalSet {
  readonly languages: readonly string[];
  /** Lines with speech: each language in each noise at each loudness, and without noise. */
  readonly speech: readonly Line[];
  /** Lines without speech: each noise as loud as on the lines with speech. */
  readonly noise: readonly Line[];
}

export interface EvalSize {
  /** Length of a line with speech; there is one for each language, noise and loudness. */
  readonly speechS: number;
  /** Length of a line without; there is one for each noise and loudness. */
  readonly noiseS: number;
}

export const FULL: EvalSize = { speechS: 75, noiseS: 900 };
export const QUICK: EvalSize = { speechS: 12, noiseS: 150 };

export function makeEvalSet(
  speech: readonly Recording[],
  music: readonly Recording[],
  size: EvalSize,
  seed: number,
): EvalSet {
  const random = new Random(seed);
  const material: NoiseMaterial = { speech, music };
  const languages = [...new Set(speech.map(({ language }) => language))];
  const lines: Line[] = [];
  for (const language of languages) {
    const mine = speech.filter((recording) => recording.language === language);
    const add = (noise: Line["noise"], snrDb: number) => {
      lines.push(
        makeLine(
          { language, noise, snrDb, seconds: size.speechS, speech: true },
          mine,
          material,
          random,
        ),
      );
    };
    add("none", Infinity);
    for (const noise of NOISE_KINDS) for (const snrDb of SNRS_DB) add(noise, snrDb);
  }
  const noise = NOISE_KINDS.flatMap((kind) =>
    SNRS_DB.map((snrDb) =>
      makeLine(
        { language: "none", noise: kind, snrDb, seconds: size.noiseS, speech: false },
        speech,
        material,
        random,
      ),
    ),
  );
  return { languages, speech: lines, noise };
}
