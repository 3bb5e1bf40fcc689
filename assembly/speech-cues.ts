/**
 * What tells speech from other sound: 26 cues of a frame and of the seconds before it. They are in
 * octaves of power unless stated otherwise. Their order must match the weights in
 * src/vad/speech-weights.ts, and the places in the state those in src/vad/speech-cues.ts.
 */
import { CUES, POWERS, STATE } from "./memory";
import { toOctaves } from "./power-log";
import { splitLow, splitWide } from "./spectrum";

/** Bands with a noise floor of their own: around 1333, 2667, 4000 and 333 Hz. */
const BANDS: i32 = 4;

// Offsets into the state, in bytes.
const FLOOR: usize = 9 << 3;
const SMOOTH: usize = 13 << 3;
const LEVEL: usize = 17 << 3;
const LEVEL_SMOOTH: usize = 18 << 3;
const LEVEL_FLOOR: usize = 19 << 3;
const PEAK: usize = 20 << 3;
const MEAN: usize = 21 << 3;
const SPREAD: usize = 22 << 3;
const FLUTTER: usize = 23 << 3;
const PERIODIC: usize = 24 << 3;
const PERIODIC_SLOW: usize = 25 << 3;
const FLUX: usize = 26 << 3;
const BODY_SMOOTH: usize = 27 << 3;
const BODY_FLUTTER: usize = 28 << 3;
const EDGE_FLUTTER: usize = 29 << 3;
export const SMOOTH_SCORE: usize = 30 << 3;
export const SLOW_SCORE: usize = 31 << 3;
export const SCORE: usize = 32 << 3;

/** Share of the newest value in a smoothed one, per frame; the smoothing lasts 1/share frames. */
const FAST: f64 = 0.35;
const FLUTTER_SHARE: f64 = 0.06;
const BAND_FLUTTER_SHARE: f64 = 0.08;
const FLUX_SHARE: f64 = 0.03;
const PERIODIC_SHARE: f64 = 0.2;
const PERIODIC_SLOW_SHARE: f64 = 0.02;
const MEAN_SHARE: f64 = 0.015;
const SCORE_SHARE: f64 = 0.3;
const SLOW_SCORE_SHARE: f64 = 0.03;
/** Log odds beyond this count as this. */
const STRONGEST_SCORE: f64 = 5;

/** A noise floor falls to a quieter line within 100 ms. */
const FLOOR_FALL: f64 = 0.3;
/**
 * It rises by 3 dB a second, so that a sentence does not become the floor, and by 9 dB while the
 * level is steady.
 */
const FLOOR_RISE: f64 = 0.02;
const STEADY_FLOOR_RISE: f64 = 0.06;
/** Mean change between frames of 1.5 dB: no voice is steadier for a quarter of a second. */
const STEADY_FLUTTER: f64 = 0.5;
/**
 * The recent peak level rises within 100 ms and falls by 0.3 dB a second, but never to the level of
 * background noise, which is −42 dBov.
 */
const PEAK_RISE: f64 = 0.2;
const PEAK_FALL: f64 = 0.002;
const LOWEST_PEAK_OCTAVES: f64 = 16.047902001473076;

function get(at: usize): f64 {
  return load<f64>(STATE + at);
}

function set(at: usize, value: f64): void {
  store<f64>(STATE + at, value);
}

function power(index: i32): f64 {
  return load<f64>(POWERS + ((<usize>index) << 3));
}

function cue(index: i32, value: f64): void {
  store<f64>(CUES + ((<usize>index) << 3), value);
}

/** Computes the cues of 160 bytes of mu-law. */
export function computeCues(ulaw: usize): void {
  splitWide(ulaw);
  const periodic = splitLow();
  toOctaves(POWERS, 6);
  computeBandCues();
  computeLevelCues();
  const periodicSmooth = get(PERIODIC) + PERIODIC_SHARE * (periodic - get(PERIODIC));
  const periodicSlow = get(PERIODIC_SLOW) + PERIODIC_SLOW_SHARE * (periodic - get(PERIODIC_SLOW));
  set(PERIODIC, periodicSmooth);
  set(PERIODIC_SLOW, periodicSlow);
  // Periodicity, now and over a second, in samples of 32: voices are periodic at times, tones
  // always, noise never.
  cue(22, periodicSmooth);
  cue(23, periodicSlow);
  recallScores();
}

/** Smoothed scores of the last 60 ms and 700 ms, in log odds: speech lasts, and comes in words. */
export function recallScores(): void {
  cue(24, get(SMOOTH_SCORE));
  cue(25, get(SLOW_SCORE));
}

/** Keeps the score of this frame, in log odds of speech. */
export function rememberScore(score: f64): void {
  const limited = max<f64>(-STRONGEST_SCORE, min<f64>(STRONGEST_SCORE, score));
  set(SCORE, score);
  set(SMOOTH_SCORE, get(SMOOTH_SCORE) + SCORE_SHARE * (limited - get(SMOOTH_SCORE)));
  set(SLOW_SCORE, get(SLOW_SCORE) + SLOW_SCORE_SHARE * (limited - get(SLOW_SCORE)));
}

function computeBandCues(): void {
  const level = power(0);
  const rise = floorRise();
  let flux: f64 = 0;
  for (let b = 0; b < BANDS; b++) {
    const place = (<usize>b) << 3;
    const now = power(1 + b);
    const change = now - get(SMOOTH + place);
    const smooth = get(SMOOTH + place) + FAST * change;
    const floor = follow(get(FLOOR + place), smooth, rise);
    const size = change < 0 ? -change : change;
    flux += size;
    if (b === 1)
      set(EDGE_FLUTTER, get(EDGE_FLUTTER) + BAND_FLUTTER_SHARE * (size - get(EDGE_FLUTTER)));
    set(SMOOTH + place, smooth);
    set(FLOOR + place, floor);
    // Level over the band's noise floor, of this frame and smoothed over three frames.
    cue(b, now - floor);
    cue(BANDS + b, smooth - floor);
    // Shape of the spectrum: hisses are bright, voices are dark.
    if (b === 1) cue(8, now - level);
    else if (b === 2) cue(9, now - level);
  }
  const body = power(5);
  const change = body - get(BODY_SMOOTH);
  const size = change < 0 ? -change : change;
  flux += size;
  set(BODY_SMOOTH, get(BODY_SMOOTH) + FAST * change);
  set(BODY_FLUTTER, get(BODY_FLUTTER) + BAND_FLUTTER_SHARE * (size - get(BODY_FLUTTER)));
  set(FLUX, get(FLUX) + FLUX_SHARE * (flux - get(FLUX)));
  cue(10, body - level);
  // How much the spectrum changes: around 2667 and 667 Hz over 250 ms, all of it over 700 ms.
  // Syllables change it more than music does.
  cue(11, get(EDGE_FLUTTER));
  cue(12, get(BODY_FLUTTER));
  cue(13, get(FLUX));
}

function computeLevelCues(): void {
  const level = power(0);
  const rise = floorRise();
  const change = level - get(LEVEL_SMOOTH);
  const smooth = get(LEVEL_SMOOTH) + FAST * change;
  const floor = follow(get(LEVEL_FLOOR), smooth, rise);
  const over = smooth - get(PEAK);
  const peak = max<f64>(
    LOWEST_PEAK_OCTAVES,
    get(PEAK) + (over > 0 ? PEAK_RISE * over : -PEAK_FALL),
  );
  const mean = get(MEAN) + MEAN_SHARE * (level - get(MEAN));
  const away = level - mean;
  const spread = get(SPREAD) + MEAN_SHARE * ((away < 0 ? -away : away) - get(SPREAD));
  const flutter = get(FLUTTER) + FLUTTER_SHARE * ((change < 0 ? -change : change) - get(FLUTTER));
  // Loudness: absolute, over the noise floor (also smoothed), below the recent peak, against the
  // mean of the last seconds, its mean deviation from that, against the last frame, and its mean
  // change per frame.
  cue(14, level);
  cue(15, level - floor);
  cue(16, smooth - floor);
  cue(17, level - peak);
  cue(18, away);
  cue(19, spread);
  cue(20, level - get(LEVEL));
  cue(21, flutter);
  set(LEVEL, level);
  set(LEVEL_SMOOTH, smooth);
  set(LEVEL_FLOOR, floor);
  set(PEAK, peak);
  set(MEAN, mean);
  set(SPREAD, spread);
  set(FLUTTER, flutter);
}

function floorRise(): f64 {
  return get(FLUTTER) < STEADY_FLUTTER ? STEADY_FLOOR_RISE : FLOOR_RISE;
}

function follow(floor: f64, smooth: f64, rise: f64): f64 {
  return smooth < floor ? floor + FLOOR_FALL * (smooth - floor) : floor + rise;
}
