// G.711 mu-law to linear samples and back (ITU-T G.711, tables 2a and 2b).

/** Linear value of each byte, full scale ±32124. */
export const ULAW_TO_LINEAR = Int16Array.from({ length: 256 }, (_, byte) => {
  const code = ~byte & 0xff; // the wire carries the complement
  const magnitude = ((((code & 0x0f) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84;
  return code & 0x80 ? -magnitude : magnitude;
});

const BIAS = 0x84;
const CLIP = 32_635;

/** @param {number} sample 16-bit linear. @returns {number} the byte on the wire. */
export function linearToUlaw(sample) {
  const sign = sample < 0 ? 0x80 : 0;
  const magnitude = Math.min(CLIP, Math.abs(sample)) + BIAS;
  const exponent = Math.max(0, 31 - Math.clz32(magnitude) - 7);
  const mantissa = (magnitude >> (exponent + 3)) & 0x0f;
  return ~(sign | (exponent << 4) | mantissa) & 0xff;
}
