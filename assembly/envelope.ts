/** Levels of mu-law by band, and its energy. */
import { LEVELS, LINEAR, STEP_LEVELS } from "./memory";
import { octavesOf } from "./power-log";

const STEP_BYTES: i32 = 80;
const BANDS: i32 = 5;
const DB_PER_OCTAVE: f64 = 3.010299956639812;
const FULL_SCALE_OCTAVES: f64 = 30;
/** Levels of steps are half decibels over this. */
const UNANNOUNCED_DBOV: f64 = -73;

function sample(at: usize): f64 {
  return load<f64>(LINEAR + ((<usize>load<u8>(at)) << 3));
}

/**
 * Levels of `steps` times 10 ms from `ulaw` on, in octaves: 0–500, 500–1000, 1000–2000, 2000–4000
 * Hz, and the whole band. Haar filters are used: sums and differences of neighbours, at half the
 * rate each time. Their bands leak into each other, but equally in both signals that are compared.
 */
export function envelope(ulaw: usize, steps: i32): void {
  // Samples are whole numbers, so these sums are exact in any order.
  let to4k: f64 = 0;
  let to2k: f64 = 0;
  let to1k: f64 = 0;
  let to500: f64 = 0;
  const samples = steps * STEP_BYTES;
  const end = ulaw + <usize>samples;
  for (let at = ulaw; at < end; at += 8) {
    const even = f64x2(sample(at), sample(at + 2));
    const odd = f64x2(sample(at + 1), sample(at + 3));
    const even2 = f64x2(sample(at + 4), sample(at + 6));
    const odd2 = f64x2(sample(at + 5), sample(at + 7));
    const difference = f64x2.sub(even, odd);
    const difference2 = f64x2.sub(even2, odd2);
    const squares = f64x2.add(
      f64x2.mul(difference, difference),
      f64x2.mul(difference2, difference2),
    );
    to4k += f64x2.extract_lane(squares, 0) + f64x2.extract_lane(squares, 1);
    const pairs = f64x2.add(even, odd);
    const pairs2 = f64x2.add(even2, odd2);
    const ab = f64x2.extract_lane(pairs, 0);
    const cd = f64x2.extract_lane(pairs, 1);
    const ef = f64x2.extract_lane(pairs2, 0);
    const gh = f64x2.extract_lane(pairs2, 1);
    to2k += (ab - cd) * (ab - cd) + (ef - gh) * (ef - gh);
    const low = ab + cd;
    const next = ef + gh;
    to1k += (low - next) * (low - next);
    to500 += (low + next) * (low + next);
  }
  // Each sum of two samples doubles their power and halves their number.
  const count = <f64>samples;
  const p0 = to500 / (8 * count);
  const p1 = to1k / (8 * count);
  const p2 = to2k / (4 * count);
  const p3 = to4k / (2 * count);
  store<f64>(LEVELS, octavesOf(p0));
  store<f64>(LEVELS, octavesOf(p1), 8);
  store<f64>(LEVELS, octavesOf(p2), 16);
  store<f64>(LEVELS, octavesOf(p3), 24);
  store<f64>(LEVELS, octavesOf(p0 + p1 + p2 + p3), 32);
}

/** Levels of each of `steps` times 10 ms from `ulaw` on, as bytes at STEP_LEVELS. */
export function stepLevels(ulaw: usize, steps: i32): void {
  let to = STEP_LEVELS;
  for (let i: i32 = 0; i < steps; i++) {
    envelope(ulaw + <usize>(i * STEP_BYTES), 1);
    for (let band: i32 = 0; band < BANDS; band++, to++) {
      const octaves = load<f64>(LEVELS + ((<usize>band) << 3));
      const dbov = <f64>(<f32>((octaves - FULL_SCALE_OCTAVES) * DB_PER_OCTAVE));
      store<u8>(to, <u8>(<i32>floor<f64>(2 * (dbov - UNANNOUNCED_DBOV) + 0.5)));
    }
  }
}

/** Whether `length` bytes from `ulaw` on have at most this sum of squares. */
export function isQuieter(ulaw: usize, length: i32, energy: f64): bool {
  let left = energy;
  const end = ulaw + <usize>length;
  for (let at = ulaw; at < end; at++) {
    const value = sample(at);
    left -= value * value;
    if (left < 0) return false;
  }
  return true;
}
