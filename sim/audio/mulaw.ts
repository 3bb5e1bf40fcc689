/**
 * Mu-law (G.711) for the simulators, with tables of their own: they judge the relay, so they must
 * not share its code.
 */

/** The byte that stands for silence. */
export const ULAW_SILENCE = 0xff;
export const BYTES_PER_MS = 8;

const LINEAR = Int16Array.from({ length: 256 }, (_, byte) => {
  const code = ~byte & 0xff;
  const magnitude = ((((code & 0x0f) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84;
  return code & 0x80 ? -magnitude : magnitude;
});

/** (sample / 32768)² of each byte. */
const POWER = Float64Array.from(LINEAR, (sample) => (sample / 32768) ** 2);

export function linearOf(byte: number): number {
  return LINEAR[byte & 0xff]!;
}

export function ulawOf(sample: number): number {
  const negative = sample < 0;
  const biased = Math.min(32635, Math.abs(Math.round(sample))) + 0x84;
  const exponent = Math.max(0, 24 - Math.clz32(biased));
  const mantissa = (biased >> (exponent + 3)) & 0x0f;
  return ~((negative ? 0x80 : 0) | (exponent << 4) | mantissa) & 0xff;
}

export function encodeUlaw(pcm: Int16Array): Buffer {
  const out = Buffer.allocUnsafe(pcm.length);
  for (let i = 0; i < pcm.length; i++) out[i] = ulawOf(pcm[i]!);
  return out;
}

export function decodeUlaw(ulaw: Uint8Array): Int16Array {
  const out = new Int16Array(ulaw.length);
  for (let i = 0; i < ulaw.length; i++) out[i] = LINEAR[ulaw[i]!]!;
  return out;
}

/** Level of a stretch in dB below full scale (0 = loudest); -120 for silence. */
export function levelDbov(ulaw: Uint8Array, from = 0, to = ulaw.length): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += POWER[ulaw[i]!]!;
  return sum === 0 ? -120 : Math.max(-120, 10 * Math.log10(sum / (to - from)));
}
