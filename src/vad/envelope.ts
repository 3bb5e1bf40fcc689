import { ulawToLinear } from "../codec/ulaw.js";
import { octavesToDbov, toOctaves } from "./power-log.js";

/** 0–500, 500–1000, 1000–2000, 2000–4000 Hz with overlapping borders, then the whole band. */
export const ENVELOPE_BANDS = 5;
export const WHOLE_BAND = 4;
/** 10 ms. */
export const STEP_BYTES = 80;

// Shared by all calls: one envelope is computed at a time.
const powers = new Float64Array(ENVELOPE_BANDS);
const LINEAR = Float64Array.from(ulawToLinear);

/**
 * Levels of `steps` times 10 ms of mu-law, one per band, in dBov (−72 … 0). Haar filters are used:
 * sums and differences of neighbours, at half the rate each time. Their bands leak into each other,
 * but equally in both signals that are compared, and they cost one addition per sample. Allocates
 * nothing.
 *
 * @param out  its first ENVELOPE_BANDS numbers are overwritten.
 */
export function envelope(ulaw: Uint8Array, start: number, steps: number, out: Float32Array): void {
  let to4k = 0;
  let to2k = 0;
  let to1k = 0;
  let to500 = 0;
  const samples = steps * STEP_BYTES;
  for (let i = start; i < start + samples; i += 8) {
    const a = LINEAR[ulaw[i]!]!;
    const b = LINEAR[ulaw[i + 1]!]!;
    const c = LINEAR[ulaw[i + 2]!]!;
    const d = LINEAR[ulaw[i + 3]!]!;
    const e = LINEAR[ulaw[i + 4]!]!;
    const f = LINEAR[ulaw[i + 5]!]!;
    const g = LINEAR[ulaw[i + 6]!]!;
    const h = LINEAR[ulaw[i + 7]!]!;
    to4k += (a - b) * (a - b) + (c - d) * (c - d) + (e - f) * (e - f) + (g - h) * (g - h);
    const ab = a + b;
    const cd = c + d;
    const ef = e + f;
    const gh = g + h;
    to2k += (ab - cd) * (ab - cd) + (ef - gh) * (ef - gh);
    const low = ab + cd;
    const next = ef + gh;
    to1k += (low - next) * (low - next);
    to500 += (low + next) * (low + next);
  }
  // Each sum of two samples doubles their power and halves their number.
  powers[0] = to500 / (8 * samples);
  powers[1] = to1k / (8 * samples);
  powers[2] = to2k / (4 * samples);
  powers[3] = to4k / (2 * samples);
  powers[WHOLE_BAND] = powers[0]! + powers[1]! + powers[2]! + powers[3]!;
  toOctaves(powers);
  for (let band = 0; band < ENVELOPE_BANDS; band++) out[band] = octavesToDbov(powers[band]!);
}
