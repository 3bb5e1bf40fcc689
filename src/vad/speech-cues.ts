import { dbovToOctaves, toOctaves } from "./power-log.js";
import { LOW, powers, SPECTRUM_STATE, splitLow, splitWide, WHOLE, WIDE } from "./spectrum.js";

/** Number of cues: what tells speech from other sound, in a frame and in the seconds before it. */
export const CUES = 26;
/**
 * The cues of the last frame, in octaves of power unless stated otherwise. Each is described where
 * it is written. Their order must match the weights in speech-weights.ts.
 */
export const cues: Float64Array = new Float64Array(CUES);

/**
 * From here on the cues are earlier scores of the network; the trainer recomputes them while it
 * learns.
 */
export const EARLIER_SCORE_CUE = CUES - 2;

/** Bands with a noise floor of their own: around 1333, 2667, 4000 and 333 Hz. */
const BANDS = 4;
const FLOOR = SPECTRUM_STATE;
const SMOOTH = FLOOR + BANDS;
const LEVEL = SMOOTH + BANDS;
const LEVEL_SMOOTH = LEVEL + 1;
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
/** Numbers that a call keeps from frame to frame. */
export const CUE_STATE = LEVEL + 16;

/** The assumption for a new line: a quiet background, and speech of usual loudness. */
const QUIET_OCTAVES = dbovToOctaves(-60);
const USUAL_SPEECH_OCTAVES = dbovToOctaves(-33);
const NOISE_PERIODIC = 22;

/** Share of the newest value in a smoothed one, per frame; the smoothing lasts 1/share frames. */
const FAST = 0.35;
const FLUTTER_SHARE = 0.06;
const BAND_FLUTTER_SHARE = 0.08;
const FLUX_SHARE = 0.03;
const PERIODIC_SHARE = 0.2;
const PERIODIC_SLOW_SHARE = 0.02;
const MEAN_SHARE = 0.015;
const SCORE_SHARE = 0.3;
const SLOW_SCORE_SHARE = 0.03;
/** Log odds beyond this count as this. */
const STRONGEST_SCORE = 5;

/** A noise floor falls to a quieter line within 100 ms. */
const FLOOR_FALL = 0.3;
/**
 * It rises by 3 dB a second, so that a sentence does not become the floor, and by 9 dB while the
 * level is steady.
 */
const FLOOR_RISE = 0.02;
const STEADY_FLOOR_RISE = 0.06;
/** Mean change between frames of 1.5 dB: no voice is steadier for a quarter of a second. */
const STEADY_FLUTTER = 0.5;
/**
 * The recent peak level rises within 100 ms and falls by 0.3 dB a second, but never to the level of
 * background noise.
 */
const PEAK_RISE = 0.2;
const PEAK_FALL = 0.002;
const LOWEST_PEAK_OCTAVES = dbovToOctaves(-42);

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
  splitWide(ulaw, start, state);
  const periodic = splitLow(state);
  toOctaves(powers);
  computeBandCues(state);
  computeLevelCues(state);
  const periodicSmooth = state[PERIODIC]! + PERIODIC_SHARE * (periodic - state[PERIODIC]!);
  const periodicSlow =
    state[PERIODIC_SLOW]! + PERIODIC_SLOW_SHARE * (periodic - state[PERIODIC_SLOW]!);
  state[PERIODIC] = periodicSmooth;
  state[PERIODIC_SLOW] = periodicSlow;
  // Periodicity, now and over a second, in samples of 32: voices are periodic at times, tones
  // always, noise never.
  cues[22] = periodicSmooth;
  cues[23] = periodicSlow;
  recallScores(state);
}

/** Smoothed scores of the last 60 ms and 700 ms, in log odds: speech lasts, and comes in words. */
export function recallScores(state: Float64Array): void {
  cues[EARLIER_SCORE_CUE] = state[SMOOTH_SCORE]!;
  cues[EARLIER_SCORE_CUE + 1] = state[SLOW_SCORE]!;
}

/** Keeps the score of this frame, in log odds of speech. Call it before the next frame. */
export function rememberScore(state: Float64Array, score: number): void {
  const limited = Math.max(-STRONGEST_SCORE, Math.min(STRONGEST_SCORE, score));
  state[SCORE] = score;
  state[SMOOTH_SCORE] = state[SMOOTH_SCORE]! + SCORE_SHARE * (limited - state[SMOOTH_SCORE]!);
  state[SLOW_SCORE] = state[SLOW_SCORE]! + SLOW_SCORE_SHARE * (limited - state[SLOW_SCORE]!);
}

function computeBandCues(state: Float64Array): void {
  const level = powers[WHOLE]!;
  const rise = floorRise(state);
  let flux = 0;
  for (let b = 0; b < BANDS; b++) {
    const now = powers[WIDE + b]!;
    const change = now - state[SMOOTH + b]!;
    const smooth = state[SMOOTH + b]! + FAST * change;
    const floor = follow(state[FLOOR + b]!, smooth, rise);
    const size = change < 0 ? -change : change;
    flux += size;
    if (b === 1)
      state[EDGE_FLUTTER] =
        state[EDGE_FLUTTER]! + BAND_FLUTTER_SHARE * (size - state[EDGE_FLUTTER]!);
    state[SMOOTH + b] = smooth;
    state[FLOOR + b] = floor;
    // Level over the band's noise floor, of this frame and smoothed over three frames.
    cues[b] = now - floor;
    cues[BANDS + b] = smooth - floor;
    // Shape of the spectrum: hisses are bright, voices are dark.
    if (b === 1) cues[8] = now - level;
    else if (b === 2) cues[9] = now - level;
  }
  const body = powers[LOW + 1]!;
  const change = body - state[BODY_SMOOTH]!;
  const size = change < 0 ? -change : change;
  flux += size;
  state[BODY_SMOOTH] = state[BODY_SMOOTH]! + FAST * change;
  state[BODY_FLUTTER] = state[BODY_FLUTTER]! + BAND_FLUTTER_SHARE * (size - state[BODY_FLUTTER]!);
  state[FLUX] = state[FLUX]! + FLUX_SHARE * (flux - state[FLUX]!);
  cues[10] = body - level;
  // How much the spectrum changes: around 2667 and 667 Hz over 250 ms, all of it over 700 ms.
  // Syllables change it more than music does.
  cues[11] = state[EDGE_FLUTTER]!;
  cues[12] = state[BODY_FLUTTER]!;
  cues[13] = state[FLUX]!;
}

function computeLevelCues(state: Float64Array): void {
  const level = powers[WHOLE]!;
  const rise = floorRise(state);
  const change = level - state[LEVEL_SMOOTH]!;
  const smooth = state[LEVEL_SMOOTH]! + FAST * change;
  const floor = follow(state[LEVEL_FLOOR]!, smooth, rise);
  const over = smooth - state[PEAK]!;
  const peak = Math.max(
    LOWEST_PEAK_OCTAVES,
    state[PEAK]! + (over > 0 ? PEAK_RISE * over : -PEAK_FALL),
  );
  const mean = state[MEAN]! + MEAN_SHARE * (level - state[MEAN]!);
  const away = level - mean;
  const spread = state[SPREAD]! + MEAN_SHARE * ((away < 0 ? -away : away) - state[SPREAD]!);
  const flutter =
    state[FLUTTER]! + FLUTTER_SHARE * ((change < 0 ? -change : change) - state[FLUTTER]!);
  // Loudness: absolute, over the noise floor (also smoothed), below the recent peak, against the
  // mean of the last seconds, its mean deviation from that, against the last frame, and its mean
  // change per frame.
  cues[14] = level;
  cues[15] = level - floor;
  cues[16] = smooth - floor;
  cues[17] = level - peak;
  cues[18] = away;
  cues[19] = spread;
  cues[20] = level - state[LEVEL]!;
  cues[21] = flutter;
  state[LEVEL] = level;
  state[LEVEL_SMOOTH] = smooth;
  state[LEVEL_FLOOR] = floor;
  state[PEAK] = peak;
  state[MEAN] = mean;
  state[SPREAD] = spread;
  state[FLUTTER] = flutter;
}

function floorRise(state: Float64Array): number {
  return state[FLUTTER]! < STEADY_FLUTTER ? STEADY_FLOOR_RISE : FLOOR_RISE;
}

function follow(floor: number, smooth: number, rise: number): number {
  return smooth < floor ? floor + FLOOR_FALL * (smooth - floor) : floor + rise;
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
