/** A small network that weighs the cues: one layer of 16 rectified sums, then one sum. */
import { BIAS, CUES, OUTPUT, SUMS, WEIGHTS } from "./memory";
import { rememberScore } from "./speech-cues";

const CUE_COUNT: usize = 26;
const HIDDEN_BYTES: usize = 16 << 3;

/** Weighs the cues of the last frame and stores its log odds of speech in the state. */
export function weighFrame(): f64 {
  let s0 = v128.load(BIAS);
  let s1 = v128.load(BIAS, 16);
  let s2 = v128.load(BIAS, 32);
  let s3 = v128.load(BIAS, 48);
  let s4 = v128.load(BIAS, 64);
  let s5 = v128.load(BIAS, 80);
  let s6 = v128.load(BIAS, 96);
  let s7 = v128.load(BIAS, 112);
  let at = WEIGHTS;
  for (let c: usize = 0; c < CUE_COUNT << 3; c += 8, at += HIDDEN_BYTES) {
    const cue = v128.load64_splat(CUES + c);
    s0 = f64x2.add(s0, f64x2.mul(v128.load(at), cue));
    s1 = f64x2.add(s1, f64x2.mul(v128.load(at, 16), cue));
    s2 = f64x2.add(s2, f64x2.mul(v128.load(at, 32), cue));
    s3 = f64x2.add(s3, f64x2.mul(v128.load(at, 48), cue));
    s4 = f64x2.add(s4, f64x2.mul(v128.load(at, 64), cue));
    s5 = f64x2.add(s5, f64x2.mul(v128.load(at, 80), cue));
    s6 = f64x2.add(s6, f64x2.mul(v128.load(at, 96), cue));
    s7 = f64x2.add(s7, f64x2.mul(v128.load(at, 112), cue));
  }
  v128.store(SUMS, s0);
  v128.store(SUMS, s1, 16);
  v128.store(SUMS, s2, 32);
  v128.store(SUMS, s3, 48);
  v128.store(SUMS, s4, 64);
  v128.store(SUMS, s5, 80);
  v128.store(SUMS, s6, 96);
  v128.store(SUMS, s7, 112);
  let score = load<f64>(OUTPUT, HIDDEN_BYTES);
  for (let h: usize = 0; h < HIDDEN_BYTES; h += 8) {
    const sum = load<f64>(SUMS + h);
    if (sum > 0) score += sum * load<f64>(OUTPUT + h);
  }
  rememberScore(score);
  return score;
}
