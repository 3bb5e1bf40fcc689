import { CUES, cues } from "./speech-cues.js";
import { BIAS, HIDDEN, INPUT_WEIGHTS, OUTPUT_BIAS, OUTPUT_WEIGHTS } from "./speech-weights.js";

const input = Float64Array.from(INPUT_WEIGHTS);
const bias = Float64Array.from(BIAS);
const output = Float64Array.from(OUTPUT_WEIGHTS);

/**
 * Weighs the cues of the frame that was looked at last: one layer of rectified sums, then one sum of those. Allocates nothing.
 *
 * @returns log odds of speech, as the lines that the weights were found on have it; 0 is the border between the verdicts.
 */
export function speechScore(): number {
  let score = OUTPUT_BIAS;
  for (let h = 0, at = 0; h < HIDDEN; h++) {
    let even = bias[h]!;
    let odd = 0;
    // Two sums side by side: an addition need not wait for the one before.
    for (let c = 0; c < CUES; c += 2, at += 2) {
      even += input[at]! * cues[c]!;
      odd += input[at + 1]! * cues[c + 1]!;
    }
    const sum = even + odd;
    if (sum > 0) score += sum * output[h]!;
  }
  return score;
}
