import { ulawToLinear } from "./ulaw.js";

/** What digital silence is called, as RFC 6464 does: the lowest level it can state. */
export const SILENCE_DBOV = -127;

/** A 16-bit square wave at full scale is 0 dBov. */
const OVERLOAD_SQUARED = 32768 * 32768;

const SQUARE = Float64Array.from(ulawToLinear, (sample) => sample * sample);

/**
 * Loudness of mu-law audio: its RMS relative to the overload point of 16-bit PCM.
 *
 * @param ulaw   mu-law bytes; `[start … end)` is measured, the rest not looked at.
 * @returns      dBov, -0.2 (loudest square wave) … -127 (digital silence, or nothing to measure). Speech on a
 *               telephone line lies near -25, a quiet line near -60.
 *
 * Source: RFC 6464, section 3, with the reference level of RFC 6465, appendix A. Allocates nothing.
 */
export function levelDbov(ulaw: Uint8Array, start: number, end: number): number {
  let sum = 0;
  for (let i = start; i < end; i++) sum += SQUARE[ulaw[i]!]!;
  if (sum === 0) return SILENCE_DBOV;
  return Math.max(SILENCE_DBOV, 10 * Math.log10(sum / ((end - start) * OVERLOAD_SQUARED)));
}

/**
 * Sum of squares that `bytes` bytes of audio at this level have: for `isQuieter`.
 *
 * @param dbov  as `levelDbov` measures it.
 */
export function energyOf(dbov: number, bytes: number): number {
  return 10 ** (dbov / 10) * bytes * OVERLOAD_SQUARED;
}

/**
 * Whether `ulaw[start … end)` has less energy than that. Ends at the first byte that is too much, so what is loud costs next to
 * nothing. Allocates nothing.
 */
export function isQuieter(ulaw: Uint8Array, start: number, end: number, energy: number): boolean {
  let left = energy;
  for (let i = start; i < end; i++) {
    left -= SQUARE[ulaw[i]!]!;
    if (left < 0) return false;
  }
  return true;
}
