import { CUES, cues, rememberScore } from "./speech-cues.js";
import { BIAS, HIDDEN, INPUT_WEIGHTS, OUTPUT_BIAS, OUTPUT_WEIGHTS } from "./speech-weights.js";

/**
 * Four units are summed side by side: each cue is read once for all four, and no sum waits for
 * another.
 */
const SIDE_BY_SIDE = 4;

/** For each four units and each cue the four weights. */
const input = Float64Array.from({ length: HIDDEN * CUES }, (_, i) => {
  const lane = i % SIDE_BY_SIDE;
  const cue = Math.floor(i / SIDE_BY_SIDE) % CUES;
  const four = Math.floor(i / (SIDE_BY_SIDE * CUES));
  return INPUT_WEIGHTS[(four * SIDE_BY_SIDE + lane) * CUES + cue]!;
});
const bias = Float64Array.from(BIAS);
const output = Float64Array.from(OUTPUT_WEIGHTS);
const outputBias = Float64Array.of(OUTPUT_BIAS);

/**
 * Weighs the cues of the last frame and stores its log odds of speech in the state of the call. The
 * prior is that of the training lines. One layer of rectified sums, then one sum. Allocates
 * nothing.
 */
export function weighFrame(state: Float64Array): void {
  let score = outputBias[0]!;
  for (let h = 0, at = 0; h < HIDDEN; h += SIDE_BY_SIDE) {
    let s0 = bias[h]!;
    let s1 = bias[h + 1]!;
    let s2 = bias[h + 2]!;
    let s3 = bias[h + 3]!;
    for (let c = 0; c < CUES; c++, at += SIDE_BY_SIDE) {
      const cue = cues[c]!;
      s0 += input[at]! * cue;
      s1 += input[at + 1]! * cue;
      s2 += input[at + 2]! * cue;
      s3 += input[at + 3]! * cue;
    }
    if (s0 > 0) score += s0 * output[h]!;
    if (s1 > 0) score += s1 * output[h + 1]!;
    if (s2 > 0) score += s2 * output[h + 2]!;
    if (s3 > 0) score += s3 * output[h + 3]!;
  }
  rememberScore(state, score);
}
