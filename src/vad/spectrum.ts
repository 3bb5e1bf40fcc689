import { FRAME_BYTES } from "../codec/frame.js";
import { ulawToLinear } from "../codec/ulaw.js";

/** As doubles: the processor would turn each sample into one anyway. */
const LINEAR = Float64Array.from(ulawToLinear);

/** Sums of four samples make the signal below 1 kHz, at 2 kHz. */
const DECIMATION = 4;
const LOW_SAMPLES = FRAME_BYTES / DECIMATION;
/** Lifts the upper bands, which in speech lie 20 to 30 dB under the lower ones and would drown in what leaks from those. */
const PRE_EMPHASIS = 0.9;
/** Of the low signal: takes the line's DC offset away and leaves 50 Hz. */
const DC_POLE = 0.96;

/** Bands of one spectrum: its sample rate times 0, 1/8, 2/8, 3/8 and 4/8. */
const BANDS = 5;

/** 400 to 65 Hz: what voices repeat themselves with, children's and low men's included. */
const SHORTEST_LAG = 5;
const LONGEST_LAG = 31;

const X = 0;
const E1 = 1;
const E2 = 2;
const E3 = 3;
const E4 = 4;
const LOW_X = 5;
const Z1 = 6;
const Z2 = 7;
const Z3 = 8;
const Z4 = 9;
const SIGNS = 10;
/** Numbers that a call's spectrum remembers from frame to frame. */
export const SPECTRUM_STATE = 11;

// One frame passes at a time, whichever call it is of: what lies between the steps is shared by all.
const low = new Float64Array(LOW_SAMPLES);

/** Power around 0, 1, 2, 3 and 4 kHz of the frame that was split last, in squares of 16-bit samples. */
export const wideBands: Float64Array = new Float64Array(BANDS);
/** Power around 0, 250, 500, 750 and 1000 Hz likewise. */
export const lowBands: Float64Array = new Float64Array(BANDS);

/**
 * First half of the work on 160 mu-law bytes: fills `wideBands`, and keeps the low signal for `splitLow`.
 *
 * Both spectra come out of five autocorrelations each: with so few bands wanted that is a third of the cost of a bank of
 * filters, and an eighth of a Fourier transform's. Allocates nothing.
 *
 * @param state  SPECTRUM_STATE numbers of the call, zeros before its first frame
 * @returns      mean square of the frame, in squares of 16-bit samples.
 */
export function splitWide(ulaw: Uint8Array, start: number, state: Float64Array): number {
  let x = state[X]!;
  let e1 = state[E1]!;
  let e2 = state[E2]!;
  let e3 = state[E3]!;
  let e4 = state[E4]!;
  let power = 0;
  let r0 = 0;
  let r1 = 0;
  let r2 = 0;
  let r3 = 0;
  let r4 = 0;
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
    r4 += a * e4 + b * e3 + (c * e2 + d * e1);
    e4 = a;
    e3 = b;
    e2 = c;
    e1 = d;
  }
  state[X] = x;
  state[E1] = e1;
  state[E2] = e2;
  state[E3] = e3;
  state[E4] = e4;
  toBands(r0, r1, r2, r3, r4, FRAME_BYTES, wideBands);
  return power / FRAME_BYTES;
}

/**
 * Second half, on the frame that `splitWide` took last: fills `lowBands`, and tells how far the frame repeats itself as a
 * voice does.
 *
 * That is told from signs alone: of the newest 32 samples at 2 kHz, how many have the sign of the sample one lag before, at
 * the best lag. A lag then costs one exclusive-or and a count of bits. Allocates nothing.
 *
 * @returns 32 for perfect repetition; noise comes to about 22.
 */
export function splitLow(state: Float64Array): number {
  let x = state[LOW_X]!;
  let z1 = state[Z1]!;
  let z2 = state[Z2]!;
  let z3 = state[Z3]!;
  let z4 = state[Z4]!;
  let r0 = 0;
  let r1 = 0;
  let r2 = 0;
  let r3 = 0;
  let r4 = 0;
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
    r4 += z * z4;
    z4 = z3;
    z3 = z2;
    z2 = z1;
    z1 = z;
    if (i === 8) first8 = signs;
    signs = (signs << 1) | ((z | 0) >>> 31);
  }
  // The 32 samples before the newest 32 of these 40: 24 of the frame before, 8 of this one.
  const earlier = ((state[SIGNS]! | 0) << 8) | first8;
  state[LOW_X] = x;
  state[Z1] = z1;
  state[Z2] = z2;
  state[Z3] = z3;
  state[Z4] = z4;
  state[SIGNS] = signs;
  toBands(r0, r1, r2, r3, r4, LOW_SAMPLES * DECIMATION * DECIMATION, lowBands);
  return bestRepetition(signs, earlier);
}

/** Bit 0 of `signs` is the newest sample; `earlier` goes on where its bit 31 ends. */
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

/**
 * Five bands out of five autocorrelations, by Wiener and Khinchin, under a triangular window of lags: the spectrum of a
 * triangle has no negative part, so no power comes out below zero.
 *
 * @param samples  by which the sums are to be divided
 */
function toBands(
  r0: number,
  r1: number,
  r2: number,
  r3: number,
  r4: number,
  samples: number,
  bands: Float64Array,
): void {
  const scale = 1 / (5 * samples);
  const a0 = 5 * r0 * scale;
  const a1 = 8 * r1 * scale;
  const a2 = 6 * r2 * scale;
  const a3 = 4 * r3 * scale;
  const a4 = 2 * r4 * scale;
  const ends = a0 + a4;
  const middle = a0 - a4;
  const odd = a1 + a3;
  const skew = Math.SQRT1_2 * (a1 - a3);
  bands[0] = ends + odd + a2;
  bands[1] = middle + skew;
  bands[2] = ends - a2;
  bands[3] = middle - skew;
  bands[4] = ends - odd + a2;
}
