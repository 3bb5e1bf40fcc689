import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CUE_STATE, CUES, cues, resetCues, scoreOf } from "../../src/vad/speech-cues.js";
import { weighFrame } from "../../src/vad/speech-net.js";
import {
  BIAS,
  HIDDEN,
  INPUT_WEIGHTS,
  OUTPUT_BIAS,
  OUTPUT_WEIGHTS,
} from "../../src/vad/speech-weights.js";

/** The network as its description says: one layer of rectified sums, then one sum. */
function expected(of: readonly number[]): number {
  let score = OUTPUT_BIAS;
  for (let h = 0; h < HIDDEN; h++) {
    const sum = of.reduce((total, cue, c) => total + INPUT_WEIGHTS[h * CUES + c]! * cue, BIAS[h]!);
    score += Math.max(0, sum) * OUTPUT_WEIGHTS[h]!;
  }
  return score;
}

describe("weighFrame", () => {
  it("scores any cues as the weights say", () => {
    const state = new Float64Array(CUE_STATE);
    const cue = fc.double({ min: -30, max: 30, noNaN: true });
    fc.assert(
      fc.property(fc.array(cue, { minLength: CUES, maxLength: CUES }), (values) => {
        resetCues(state);
        cues.set(values);
        weighFrame(state);
        expect(scoreOf(state)).toBeCloseTo(expected(values), 6);
      }),
    );
  });

  it("has weights for every cue and unit", () => {
    expect(INPUT_WEIGHTS).toHaveLength(HIDDEN * CUES);
    expect([BIAS.length, OUTPUT_WEIGHTS.length]).toEqual([HIDDEN, HIDDEN]);
  });
});
