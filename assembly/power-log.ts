/** Powers as octaves: log2 of a mean square of 16-bit samples. Full scale is 30. */
import { MANTISSA } from "./memory";

/** Added before the logarithm, because silence has none: −72 dBov. */
const IDLE_POWER: f64 = 64;

/** 6 (silence, or below) … 30 (full scale), exact to 0.001. The exponent is the whole part. */
export function octavesOf(power: f64): f64 {
  const word = <u32>(reinterpret<u64>(power > 0 ? power + IDLE_POWER : IDLE_POWER) >> 32);
  const exponent = <i32>(word >>> 20) - 1023;
  return <f64>exponent + load<f64>(MANTISSA + ((<usize>((word >>> 10) & 1023)) << 3));
}

/** Turns `count` powers from `at` on into octaves in place. */
export function toOctaves(at: usize, count: i32): void {
  for (let i: usize = 0; i < (<usize>count) << 3; i += 8)
    store<f64>(at + i, octavesOf(load<f64>(at + i)));
}
