import { core, coreNumbers, placeAudio } from "../codec/audio-core.js";
import { FRAME_BYTES } from "../codec/frame.js";
import { CUES, shared } from "./speech-cues.js";
import { BIAS, HIDDEN, INPUT_WEIGHTS, OUTPUT_BIAS, OUTPUT_WEIGHTS } from "./speech-weights.js";

// Cue by cue, the weights of all hidden units.
coreNumbers("WEIGHTS", HIDDEN * CUES).set(
  Array.from(
    { length: HIDDEN * CUES },
    (_, i) => INPUT_WEIGHTS[(i % HIDDEN) * CUES + Math.floor(i / HIDDEN)]!,
  ),
);
coreNumbers("BIAS", HIDDEN).set(BIAS);
coreNumbers("OUTPUT", HIDDEN + 1).set([...OUTPUT_WEIGHTS, OUTPUT_BIAS]);

/**
 * Weighs the cues of the last frame and stores its log odds of speech in the state of the call. The
 * prior is that of the training lines. One layer of rectified sums, then one sum. Allocates
 * nothing.
 */
export function weighFrame(state: Float64Array): void {
  shared.set(state);
  core.weighFrame();
  state.set(shared);
}

/**
 * Computes the cues of 160 mu-law bytes and weighs them. Allocates nothing.
 *
 * @returns the log odds of speech
 */
export function scoreFrame(ulaw: Uint8Array, start: number, state: Float64Array): number {
  shared.set(state);
  const score = core.scoreFrame(placeAudio(ulaw, start, start + FRAME_BYTES));
  state.set(shared);
  return score;
}
