/**
 * The spectrum and the periodicity of a 20 ms frame. Each spectrum follows from four
 * autocorrelations (Wiener and Khinchin) under a triangular window of lags. Sums are kept in pairs
 * of lanes, in the order that a scalar program would have.
 */
import { LINEAR, LOW, POWERS, STATE } from "./memory";

/**
 * Raises the upper bands. In speech they are 20 to 30 dB under the lower ones, and what leaks from
 * those would cover them.
 */
const PRE_EMPHASIS: f64 = 0.9;
/** Of the low signal: removes the DC offset of the line and keeps 50 Hz. */
const DC_POLE: f64 = 0.96;
const FRAME_BYTES: f64 = 160;
/**
 * Sums of four samples are the signal below 1 kHz, at a rate of 2 kHz; they are four times as
 * large.
 */
const LOW_SAMPLES: i32 = 40;
const LOW_SCALE: f64 = 640;
/** 400 to 65 Hz: the pitch of voices, from children to low men's. */
const SHORTEST_LAG: u32 = 5;
const LONGEST_LAG: u32 = 31;

// Offsets into the state, in bytes.
const X: usize = 0;
const E1: usize = 8;
const E2: usize = 16;
const E3: usize = 24;
const LOW_X: usize = 32;
const Z1: usize = 40;
const Z2: usize = 48;
const Z3: usize = 56;
const SIGNS: usize = 64;

function sample(at: usize): f64 {
  return load<f64>(LINEAR + ((<usize>load<u8>(at)) << 3));
}

/**
 * First half: the power of the frame and of the wide bands. Keeps the low signal for `splitLow`.
 */
export function splitWide(ulaw: usize): void {
  let x = load<f64>(STATE + X);
  let e1 = load<f64>(STATE + E1);
  let e2 = load<f64>(STATE + E2);
  let e3 = load<f64>(STATE + E3);
  let power: f64 = 0;
  let r01 = f64x2.splat(0);
  let r23 = f64x2.splat(0);
  let at = ulaw;
  for (let i: usize = 0; i < (<usize>LOW_SAMPLES) << 3; i += 8, at += 4) {
    const x0 = sample(at);
    const x1 = sample(at + 1);
    const x2 = sample(at + 2);
    const x3 = sample(at + 3);
    const a = x0 - PRE_EMPHASIS * x;
    const b = x1 - PRE_EMPHASIS * x0;
    const c = x2 - PRE_EMPHASIS * x1;
    const d = x3 - PRE_EMPHASIS * x2;
    x = x3;
    store<f64>(LOW + i, x0 + x1 + (x2 + x3));
    power += x0 * x0 + x1 * x1 + (x2 * x2 + x3 * x3);
    const aa = f64x2.splat(a);
    const bb = f64x2.splat(b);
    const cc = f64x2.splat(c);
    const dd = f64x2.splat(d);
    const ae1 = f64x2(a, e1);
    const ba = f64x2(b, a);
    r01 = f64x2.add(
      r01,
      f64x2.add(
        f64x2.add(f64x2.mul(aa, ae1), f64x2.mul(bb, ba)),
        f64x2.add(f64x2.mul(cc, f64x2(c, b)), f64x2.mul(dd, f64x2(d, c))),
      ),
    );
    r23 = f64x2.add(
      r23,
      f64x2.add(
        f64x2.add(f64x2.mul(aa, f64x2(e2, e3)), f64x2.mul(bb, f64x2(e1, e2))),
        f64x2.add(f64x2.mul(cc, ae1), f64x2.mul(dd, ba)),
      ),
    );
    e3 = b;
    e2 = c;
    e1 = d;
  }
  store<f64>(STATE + X, x);
  store<f64>(STATE + E1, e1);
  store<f64>(STATE + E2, e2);
  store<f64>(STATE + E3, e3);
  const r0 = f64x2.extract_lane(r01, 0);
  const r1 = f64x2.extract_lane(r01, 1);
  const r2 = f64x2.extract_lane(r23, 0);
  const r3 = f64x2.extract_lane(r23, 1);
  store<f64>(POWERS, power / FRAME_BYTES);
  store<f64>(POWERS, (r0 + 0.75 * r1 - 0.5 * r2 - 0.5 * r3) / FRAME_BYTES, 8);
  store<f64>(POWERS, (r0 - 0.75 * r1 - 0.5 * r2 + 0.5 * r3) / FRAME_BYTES, 16);
  store<f64>(POWERS, (r0 - 1.5 * r1 + r2 - 0.5 * r3) / FRAME_BYTES, 24);
}

/**
 * Second half, on the last frame of `splitWide`: the power of the low bands, and how periodic the
 * frame is. Periodicity is measured by signs alone: how many of the newest 32 samples at 2 kHz have
 * the sign of the sample one lag earlier, at the best lag.
 *
 * @returns 32 for perfect repetition; noise comes to about 22.
 */
export function splitLow(): f64 {
  let x = load<f64>(STATE + LOW_X);
  let z1 = load<f64>(STATE + Z1);
  let z2 = load<f64>(STATE + Z2);
  let z3 = load<f64>(STATE + Z3);
  let r0: f64 = 0;
  let r1: f64 = 0;
  let r2: f64 = 0;
  let r3: f64 = 0;
  let signs: i32 = 0;
  let first8: i32 = 0;
  for (let i: i32 = 0; i < LOW_SAMPLES; i++) {
    const y = load<f64>(LOW + ((<usize>i) << 3));
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
    signs = (signs << 1) | (z <= -1 ? 1 : 0);
  }
  // The 32 samples before the newest 32: 24 of the frame before, and the first 8 of this one.
  const earlier = ((<i32>load<f64>(STATE + SIGNS)) << 8) | first8;
  store<f64>(STATE + LOW_X, x);
  store<f64>(STATE + Z1, z1);
  store<f64>(STATE + Z2, z2);
  store<f64>(STATE + Z3, z3);
  store<f64>(STATE + SIGNS, <f64>signs);
  store<f64>(POWERS, (r0 + 0.75 * r1 - 0.5 * r2 - 0.5 * r3) / LOW_SCALE, 32);
  store<f64>(POWERS, (r0 - 0.75 * r1 - 0.5 * r2 + 0.5 * r3) / LOW_SCALE, 40);
  return <f64>bestRepetition(<u32>signs, <u32>earlier);
}

/** Bit 0 of `signs` is the newest sample; `earlier` continues after its bit 31. */
function bestRepetition(signs: u32, earlier: u32): i32 {
  let fewest: i32 = 32;
  for (let lag = SHORTEST_LAG; lag <= LONGEST_LAG; lag++) {
    const differ = popcnt<u32>(signs ^ ((signs >> lag) | (earlier << (32 - lag))));
    fewest = min<i32>(fewest, differ);
  }
  return 32 - fewest;
}
