import { FRAME_BYTES } from "../codec/frame.js";
import { ulawToLinear } from "../codec/ulaw.js";

/** Doubles, because the processor would convert each sample anyway. */
const LINEAR = Float64Array.from(ulawToLinear);

/** Sums of four samples are the signal below 1 kHz, at a rate of 2 kHz. */
const DECIMATION = 4;
const LOW_SAMPLES = FRAME_BYTES / DECIMATION;
/** The sums of four are four times as large. */
const LOW_SCALE = LOW_SAMPLES * DECIMATION * DECIMATION;
/**
 * Raises the upper bands. In speech they are 20 to 30 dB under the lower ones, and what leaks from
 * those would cover them.
 */
const PRE_EMPHASIS = 0.9;
/** Of the low signal: removes the DC offset of the line and keeps 50 Hz. */
const DC_POLE = 0.96;

/** 400 to 65 Hz: the pitch of voices, from children to low men's. */
const SHORTEST_LAG = 5;
const LONGEST_LAG = 31;

const X = 0;
const E1 = 1;
const E2 = 2;
const E3 = 3;
const LOW_X = 4;
const Z1 = 5;
const Z2 = 6;
const Z3 = 7;
const SIGNS = 8;
/** Numbers that a call keeps from frame to frame. */
export const SPECTRUM_STATE = 9;

/**
 * Indices into `powers`: the whole frame, around 1333, 2667 and 4000 Hz, and around 333 and 667 Hz.
 */
export const WHOLE = 0;
export const WIDE = 1;
export const LOW = 4;
export const POWERS = 6;

// One frame is processed at a time, so all calls share what lies between the steps. Numbers are
// passed in arrays, because V8 allocates an object for a fraction that is passed to a function that
// is not inlined.
const low = new Float64Array(LOW_SAMPLES);
/** Mean squares of the last frame, of 16-bit samples. A band's may be a little below zero. */
export const powers: Float64Array = new Float64Array(POWERS);

/**
 * First half of the work on 160 mu-law bytes: the power of the frame and of the wide bands. Keeps
 * the low signal for `splitLow`.
 *
 * Each spectrum follows from four autocorrelations (Wiener and Khinchin) under a triangular window
 * of lags. For so few bands this costs a third of a filter bank and an eighth of a Fourier
 * transform. Allocates nothing.
 *
 * @param state  SPECTRUM_STATE numbers of the call, zeros before its first frame
 */
export function splitWide(ulaw: Uint8Array, start: number, state: Float64Array): void {
  let x = state[X]!;
  let e1 = state[E1]!;
  let e2 = state[E2]!;
  let e3 = state[E3]!;
  let power = 0;
  let r0 = 0;
  let r1 = 0;
  let r2 = 0;
  let r3 = 0;
  for (let i = 0, at = start; i < LOW_SAMPLES; i++, at += DECIMATION) {
    const x0 = LINEAR[ulaw[at]!]!;
    const x1 = LINEAR[ulaw[at + 1]!]!;
    const x2 = LINEAR[ulaw[at + 2]!]!;
    const x3 = LINEAR[ulaw[at + 3]!]!;
    const a = x0 - PRE_EMPHASIS * x;
    const b = x1 - PRE_EMPHASIS * x0;
    const c = x2 - PRE_EMPHASIS * x1;
    const d = x3 - PRE_EMPHASIS * x2;
    x = x3;
    low[i] = x0 + x1 + (x2 + x3);
    power += x0 * x0 + x1 * x1 + (x2 * x2 + x3 * x3);
    r0 += a * a + b * b + (c * c + d * d);
    r1 += a * e1 + b * a + (c * b + d * c);
    r2 += a * e2 + b * e1 + (c * a + d * b);
    r3 += a * e3 + b * e2 + (c * e1 + d * a);
    e3 = b;
    e2 = c;
    e1 = d;
  }
  state[X] = x;
  state[E1] = e1;
  state[E2] = e2;
  state[E3] = e3;
  powers[WHOLE] = power / FRAME_BYTES;
  powers[WIDE] = (r0 + 0.75 * r1 - 0.5 * r2 - 0.5 * r3) / FRAME_BYTES;
  powers[WIDE + 1] = (r0 - 0.75 * r1 - 0.5 * r2 + 0.5 * r3) / FRAME_BYTES;
  powers[WIDE + 2] = (r0 - 1.5 * r1 + r2 - 0.5 * r3) / FRAME_BYTES;
}

/**
 * Second half, on the last frame of `splitWide`: the power of the low bands, and how periodic the
 * frame is.
 *
 * Periodicity is measured by signs alone: how many of the newest 32 samples at 2 kHz have the sign
 * of the sample one lag earlier, at the best lag. A lag then costs one exclusive-or and a bit
 * count. Allocates nothing.
 *
 * @returns 32 for perfect repetition; noise comes to about 22.
 */
export function splitLow(state: Float64Array): number {
  let x = state[LOW_X]!;
  let z1 = state[Z1]!;
  let z2 = state[Z2]!;
  let z3 = state[Z3]!;
  let r0 = 0;
  let r1 = 0;
  let r2 = 0;
  let r3 = 0;
  let signs = 0;
  let first8 = 0;
  for (let i = 0; i < LOW_SAMPLES; i++) {
    const y = low[i]!;
    const z = y - x + DC_POLE * z1;
    x = y;
    r0 += z * z;
    r1 += z * z1;
    r2 += z * z2;
    r3 += z * z3;
    z3 = z2;
    z2 = z1;
    z1 = z;
    if (i === 8) first8 = signs;
    signs = (signs << 1) | ((z | 0) >>> 31);
  }
  // The 32 samples before the newest 32: 24 of the frame before, and the first 8 of this one.
  const earlier = ((state[SIGNS]! | 0) << 8) | first8;
  state[LOW_X] = x;
  state[Z1] = z1;
  state[Z2] = z2;
  state[Z3] = z3;
  state[SIGNS] = signs;
  powers[LOW] = (r0 + 0.75 * r1 - 0.5 * r2 - 0.5 * r3) / LOW_SCALE;
  powers[LOW + 1] = (r0 - 0.75 * r1 - 0.5 * r2 + 0.5 * r3) / LOW_SCALE;
  return bestRepetition(signs, earlier);
}

/** Bit 0 of `signs` is the newest sample; `earlier` continues after its bit 31. */
function bestRepetition(signs: number, earlier: number): number {
  let fewest = 32;
  for (let lag = SHORTEST_LAG; lag <= LONGEST_LAG; lag++) {
    let differ = signs ^ ((signs >>> lag) | (earlier << (32 - lag)));
    differ -= (differ >>> 1) & 0x55555555;
    differ = (differ & 0x33333333) + ((differ >>> 2) & 0x33333333);
    differ = Math.imul((differ + (differ >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
    if (differ < fewest) fewest = differ;
  }
  return 32 - fewest;
}
