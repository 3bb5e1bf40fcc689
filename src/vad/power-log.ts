/**
 * Powers as octaves: log2 of a mean square of 16-bit samples. One octave is 3.01 dB; full scale is
 * 30.
 */
const DB_PER_OCTAVE = 10 * Math.log10(2);
const FULL_SCALE_OCTAVES = 30;

/** @returns dBov, −72 … 0. */
export function octavesToDbov(octaves: number): number {
  return (octaves - FULL_SCALE_OCTAVES) * DB_PER_OCTAVE;
}

export function dbovToOctaves(dbov: number): number {
  return dbov / DB_PER_OCTAVE + FULL_SCALE_OCTAVES;
}
