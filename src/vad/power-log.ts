/**
 * Powers as octaves: log2 of a mean square of 16-bit samples. One octave is 3.01 dB; full scale is
 * 30.
 */
const DB_PER_OCTAVE = 10 * Math.log10(2);
const FULL_SCALE_OCTAVES = 30;

/**
 * Added before the logarithm, because silence has none: −72 dBov, below which a mu-law line carries
 * no information.
 */
const IDLE_POWER = 64;

const MANTISSA_BITS = 10;
const MANTISSA = Float64Array.from({ length: 1 << MANTISSA_BITS }, (_, i) =>
  Math.log2(1 + (i + 0.5) / (1 << MANTISSA_BITS)),
);

// A double and its upper word share memory. Its exponent is the whole part of the logarithm; a
// table holds the rest.
const double = new Float64Array(1);
const upper = new Uint32Array(double.buffer, littleEndian() ? 4 : 0, 1);

function littleEndian(): boolean {
  return new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
}

/** Turns powers into octaves in place: 6 (silence, or below) … 30 (full scale), exact to 0.001. */
export function toOctaves(powers: Float64Array): void {
  for (let i = 0; i < powers.length; i++) {
    const power = powers[i]!;
    double[0] = power > 0 ? power + IDLE_POWER : IDLE_POWER;
    const word = upper[0]!;
    powers[i] =
      (word >>> 20) -
      1023 +
      MANTISSA[(word >>> (20 - MANTISSA_BITS)) & ((1 << MANTISSA_BITS) - 1)]!;
  }
}

/** @returns dBov, −72 … 0. */
export function octavesToDbov(octaves: number): number {
  return (octaves - FULL_SCALE_OCTAVES) * DB_PER_OCTAVE;
}

export function dbovToOctaves(dbov: number): number {
  return dbov / DB_PER_OCTAVE + FULL_SCALE_OCTAVES;
}
