import { ulawToLinear } from "../codec/ulaw.js";

/** 0–500, 500–1000, 1000–2000, 2000–4000 Hz, roughly: the borders are those of the shortest filters there are; then all of it. */
export const ENVELOPE_BANDS = 5;
export const WHOLE_BAND = 4;
/** 10 ms. */
export const STEP_BYTES = 80;

const LINEAR = Float64Array.from(ulawToLinear);
/** Below this a band is silent: mu-law's own steps lie about here. Squares of 16-bit samples. */
const FLOOR_POWER = 8;

const f64 = new Float64Array(1);
const u32 = new Uint32Array(f64.buffer);
const LOG2 = Float64Array.from({ length: 1024 }, (_, i) => Math.log2(1 + (i + 0.5) / 1024));
const DB_PER_OCTAVE = 10 * Math.log10(2);

/**
 * Levels of `steps` times 10 ms of mu-law, one per band, in dB over the square of one 16-bit step (9 … 90). Haar filters: sums and
 * differences of neighbours, halved in rate each time. They leak, alike on both sides of what is compared, and cost one addition.
 *
 * @param out  ENVELOPE_BANDS numbers from `at` are overwritten. Allocates nothing.
 */
export function envelope(
  ulaw: Uint8Array,
  start: number,
  steps: number,
  out: Float32Array,
  at: number,
): void {
  let to4k = 0;
  let to2k = 0;
  let to1k = 0;
  let to500 = 0;
  const end = start + steps * STEP_BYTES;
  for (let i = start; i < end; i += 8) {
    const a = LINEAR[ulaw[i]!]!;
    const b = LINEAR[ulaw[i + 1]!]!;
    const c = LINEAR[ulaw[i + 2]!]!;
    const d = LINEAR[ulaw[i + 3]!]!;
    const e = LINEAR[ulaw[i + 4]!]!;
    const f = LINEAR[ulaw[i + 5]!]!;
    const g = LINEAR[ulaw[i + 6]!]!;
    const h = LINEAR[ulaw[i + 7]!]!;
    const ab = a + b;
    const cd = c + d;
    const ef = e + f;
    const gh = g + h;
    to4k += (a - b) * (a - b) + (c - d) * (c - d) + (e - f) * (e - f) + (g - h) * (g - h);
    to2k += (ab - cd) * (ab - cd) + (ef - gh) * (ef - gh);
    const abcd = ab + cd;
    const efgh = ef + gh;
    to1k += (abcd - efgh) * (abcd - efgh);
    to500 += (abcd + efgh) * (abcd + efgh);
  }
  // Every sum doubles the power of what it keeps.
  const samples = steps * STEP_BYTES;
  out[at] = decibels(to500 / (8 * samples));
  out[at + 1] = decibels(to1k / (8 * samples));
  out[at + 2] = decibels(to2k / (4 * samples));
  out[at + 3] = decibels(to4k / (2 * samples));
  out[at + WHOLE_BAND] = decibels((to500 + to1k + 2 * to2k + 4 * to4k) / (8 * samples));
}

/** Good to 0.01 dB, from the exponent and a table. */
function decibels(power: number): number {
  f64[0] = power + FLOOR_POWER;
  const high = u32[1]!;
  return DB_PER_OCTAVE * ((high >>> 20) - 1023 + LOG2[(high >>> 10) & 1023]!);
}
