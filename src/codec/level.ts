import { core, placeAudio } from "./audio-core.js";
import { ulawToLinear } from "./ulaw.js";

/** The level of digital silence: the lowest that RFC 6464 can state. */
export const SILENCE_DBOV = -127;

/** A 16-bit square wave at full scale is 0 dBov. */
const OVERLOAD_SQUARED = 32768 * 32768;

const SQUARE = Float64Array.from(ulawToLinear, (sample) => sample * sample);

/**
 * Loudness of mu-law audio: its RMS relative to the overload point of 16-bit PCM.
 *
 * @param ulaw   mu-law bytes; only `[start … end)` is read.
 * @returns      dBov, -0.2 (loudest square wave) … -127 (digital silence, or an empty range).
 *               Speech on a telephone line is near -25, a quiet line near -60.
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
 * Sum of squares of `bytes` bytes of audio at this level, for `isQuieter`.
 *
 * @param dbov  as `levelDbov` measures it.
 */
export function energyOf(dbov: number, bytes: number): number {
  return 10 ** (dbov / 10) * bytes * OVERLOAD_SQUARED;
}

/**
 * Whether `ulaw[start … end)`, at most 1 KiB, has no more than this energy, as `energyOf` returns
 * it. Stops at the first byte that exceeds it, so loud audio costs almost nothing. Allocates
 * nothing.
 */
export function isQuieter(ulaw: Uint8Array, start: number, end: number, energy: number): boolean {
  return core.isQuieter(placeAudio(ulaw, start, end), end - start, energy) !== 0;
}
