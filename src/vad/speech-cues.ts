import { core, coreNumbers, placeAudio } from "../codec/audio-core.js";
import { FRAME_BYTES } from "../codec/frame.js";
import { dbovToOctaves } from "./power-log.js";

/** Number of cues: what tells speech from other sound, in a frame and in the seconds before it. */
export const CUES = 26;
/**
 * The cues of the last frame, in octaves of power unless stated otherwise. Each is described where
 * it is written. Their order must match the weights in speech-weights.ts.
 */
export const cues: Float64Array = coreNumbers("CUES", CUES);

/**
 * From here on the cues are earlier scores of the network; the trainer recomputes them while it
 * learns.
 */
export const EARLIER_SCORE_CUE = CUES - 2;

/** Bands with a noise floor of their own: around 1333, 2667, 4000 and 333 Hz. */
const BANDS = 4;
/** Numbers of the spectrum. */
const SPECTRUM_STATE = 9;
const FLOOR = SPECTRUM_STATE;
const SMOOTH = FLOOR + BANDS;
const LEVEL = SMOOTH + BANDS;
const LEVEL_FLOOR = LEVEL + 2;
const PEAK = LEVEL + 3;
const MEAN = LEVEL + 4;
const SPREAD = LEVEL + 5;
const FLUTTER = LEVEL + 6;
const PERIODIC = LEVEL + 7;
const PERIODIC_SLOW = LEVEL + 8;
const FLUX = LEVEL + 9;
const BODY_SMOOTH = LEVEL + 10;
const BODY_FLUTTER = LEVEL + 11;
const EDGE_FLUTTER = LEVEL + 12;
const SMOOTH_SCORE = LEVEL + 13;
const SLOW_SCORE = LEVEL + 14;
const SCORE = LEVEL + 15;
/** Place for a number of the caller's own. */
export const OWN_STATE = LEVEL + 16;
/** Numbers that a call keeps from frame to frame. */
export const CUE_STATE = LEVEL + 17;

/** The state of the call whose frame is processed: copied in and out. */
export const shared = coreNumbers("STATE", CUE_STATE);

/** The assumption for a new line: a quiet background, and speech of usual loudness. */
const QUIET_OCTAVES = dbovToOctaves(-60);
const USUAL_SPEECH_OCTAVES = dbovToOctaves(-33);
const NOISE_PERIODIC = 22;

export function resetCues(state: Float64Array): void {
  state.fill(0, 0, FLOOR);
  state.fill(QUIET_OCTAVES, FLOOR, PEAK);
  state[PEAK] = USUAL_SPEECH_OCTAVES;
  state[MEAN] = QUIET_OCTAVES;
  state[SPREAD] = 1;
  state[FLUTTER] = 1;
  state[PERIODIC] = NOISE_PERIODIC;
  state[PERIODIC_SLOW] = NOISE_PERIODIC;
  state[FLUX] = BANDS;
  state[BODY_SMOOTH] = QUIET_OCTAVES;
  state[BODY_FLUTTER] = 1;
  state[EDGE_FLUTTER] = 1;
  state[SMOOTH_SCORE] = 0;
  state[SLOW_SCORE] = 0;
  state[SCORE] = 0;
}

/**
 * Computes the cues of 160 mu-law bytes into `cues`. Allocates nothing.
 *
 * @param state  CUE_STATE numbers of the call, initialised by `resetCues`
 */
export function computeCues(ulaw: Uint8Array, start: number, state: Float64Array): void {
  shared.set(state);
  core.computeCues(placeAudio(ulaw, start, start + FRAME_BYTES));
  state.set(shared);
}

/** Smoothed scores of the last 60 ms and 700 ms, in log odds: speech lasts, and comes in words. */
export function recallScores(state: Float64Array): void {
  shared.set(state);
  core.recallScores();
}

/** Keeps the score of this frame, in log odds of speech. Call it before the next frame. */
export function rememberScore(state: Float64Array, score: number): void {
  shared.set(state);
  core.rememberScore(score);
  state.set(shared);
}

/** Loudness of the last frame, in octaves. */
export function levelOf(state: Float64Array): number {
  return state[LEVEL]!;
}

/** Loudness of the line without speech, in octaves. */
export function floorOf(state: Float64Array): number {
  return state[LEVEL_FLOOR]!;
}

/** Log odds of speech in the last frame. */
export function scoreOf(state: Float64Array): number {
  return state[SCORE]!;
}
