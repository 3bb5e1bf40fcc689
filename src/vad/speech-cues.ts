import { dbovToOctaves, toOctaves } from "./power-log.js";
import { LOW, powers, SPECTRUM_STATE, splitLow, splitWide, WHOLE, WIDE } from "./spectrum.js";

/** What tells speech from everything else, of one frame and of the seconds before it. */
export const CUES = 26;
/**
 * The cues of the frame that was looked at last, in octaves of power where nothing else is said. What they are is said where
 * they are written; the weights in speech-weights.ts go by their order.
 */
export const cues: Float64Array = new Float64Array(CUES);

/** From here on the cues are what the network itself said before; the trainer has to work them out anew as it learns. */
export const BELIEF_CUE = CUES - 2;

/** Bands over whose floor speech must stand out: around 1333, 2667 and 4000 Hz, and 333 Hz. */
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
const BELIEF = LEVEL + 13;
const BELIEF_SLOW = LEVEL + 14;
const SCORE = LEVEL + 15;
/** Numbers that a call remembers from frame to frame. */
export const CUE_STATE = LEVEL + 16;

/** A line of which nothing is known yet: a quiet room, speech that will be as loud as most. */
const QUIET_OCTAVES = dbovToOctaves(-60);
const USUAL_SPEECH_OCTAVES = dbovToOctaves(-33);
const NOISE_PERIODIC = 22;

/** Share of the way that a smoothed value goes to the newest one, per frame; 1/share frames is how long it remembers. */
const FAST = 0.35;
const FLUTTER_SHARE = 0.06;
const BAND_FLUTTER_SHARE = 0.08;
const FLUX_SHARE = 0.03;
const PERIODIC_SHARE = 0.2;
const PERIODIC_SLOW_SHARE = 0.02;
const MEAN_SHARE = 0.015;
const BELIEF_SHARE = 0.3;
const BELIEF_SLOW_SHARE = 0.03;
/** More certain than this does not count for more. */
const STRONGEST_BELIEF = 5;

/** A floor falls to a quieter line within 100 ms … */
const FLOOR_FALL = 0.3;
/** … and rises by 3 dB a second, so that a sentence does not become the floor; by 9 dB where the level stands still. */
const FLOOR_RISE = 0.02;
const STEADY_FLOOR_RISE = 0.06;
/** Mean change between frames under 1.5 dB: no voice is so steady for a quarter of a second. */
const STEADY_FLUTTER = 0.5;
/** The loudest of late: up within 100 ms, down by 0.3 dB a second, and never so far that a room's murmur becomes the loudest. */
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
  state[BELIEF] = 0;
  state[BELIEF_SLOW] = 0;
  state[SCORE] = 0;
}

/**
 * Looks at 160 mu-law bytes and leaves what it finds in `cues`. Allocates nothing.
 *
 * @param state  CUE_STATE numbers of the call, made ready by `resetCues`
 */
export function lookAtFrame(ulaw: Uint8Array, start: number, state: Float64Array): void {
  splitWide(ulaw, start, state);
  const periodic = splitLow(state);
  toOctaves(powers);
  lookAtBands(state);
  lookAtLevel(state);
  const periodicSmooth = state[PERIODIC]! + PERIODIC_SHARE * (periodic - state[PERIODIC]!);
  const periodicSlow =
    state[PERIODIC_SLOW]! + PERIODIC_SLOW_SHARE * (periodic - state[PERIODIC_SLOW]!);
  state[PERIODIC] = periodicSmooth;
  state[PERIODIC_SLOW] = periodicSlow;
  // How far it repeats itself, now and over a second: voices do by turns, tones always, noise never. In samples of 32.
  cues[22] = periodicSmooth;
  cues[23] = periodicSlow;
  recallBelief(state);
}

/** What the verdicts were, over 60 ms and over 700 ms: speech goes on, and comes in words. Log odds. */
export function recallBelief(state: Float64Array): void {
  cues[BELIEF_CUE] = state[BELIEF]!;
  cues[BELIEF_CUE + 1] = state[BELIEF_SLOW]!;
}

/** What the frame was taken for: log odds of speech. To be said before the next frame is looked at. */
export function rememberScore(state: Float64Array, score: number): void {
  const belief = Math.max(-STRONGEST_BELIEF, Math.min(STRONGEST_BELIEF, score));
  state[SCORE] = score;
  state[BELIEF] = state[BELIEF]! + BELIEF_SHARE * (belief - state[BELIEF]!);
  state[BELIEF_SLOW] = state[BELIEF_SLOW]! + BELIEF_SLOW_SHARE * (belief - state[BELIEF_SLOW]!);
}

function lookAtBands(state: Float64Array): void {
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
    // Over the band's floor: at once, and smoothed over three frames.
    cues[b] = now - floor;
    cues[BANDS + b] = smooth - floor;
    // The spectrum's shape: bright as a hiss, or dark as a voice.
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
  // How restless the spectrum is: around 2667 and 667 Hz over 250 ms, all of it over 700 ms. Syllables are, music less so.
  cues[11] = state[EDGE_FLUTTER]!;
  cues[12] = state[BODY_FLUTTER]!;
  cues[13] = state[FLUX]!;
}

function lookAtLevel(state: Float64Array): void {
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
  // Loudness: as it is, over the floor, under the loudest of late, beside the mean of the last seconds and how far it strays
  // from that, since the last frame, and how much it moves from frame to frame.
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

/** Loudness of the line while nobody speaks, in octaves. */
export function floorOf(state: Float64Array): number {
  return state[LEVEL_FLOOR]!;
}

/** Log odds of speech of the last frame. */
export function scoreOf(state: Float64Array): number {
  return state[SCORE]!;
}
