/**
 * G.711 mu-law by table. Audio passes through the relay unchanged. The tables serve voice
 * detection, the level meter, the recorder and the relay's own tones.
 */

/** The byte of a zero sample as the wire carries it: digital silence. */
export const ULAW_SILENCE = 0xff;

/**
 * ulawToLinear[byte] is the sample, full scale ±32124, of a mu-law byte as it is sent on the wire.
 * Do not write to it: a typed array cannot be frozen.
 *
 * Source: ITU-T G.711 (11/88), tables 2a and 2b, scaled from 14 to 16 bits (times 4).
 */
export const ulawToLinear: Int16Array = Int16Array.from({ length: 256 }, (_, byte) => {
  const code = ~byte & 0xff; // the wire carries the complement
  const magnitude = ((((code & 0x0f) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84;
  return code & 0x80 ? -magnitude : magnitude;
});

/**
 * Half a segment-0 step plus 32 in 14-bit units: moves every decision value onto a power of two.
 */
const BIAS_14 = 33;

/** Last 14-bit magnitude below the virtual decision value 8159, above which G.711 saturates. */
const CLIP_14 = 8158;

/**
 * linearToUlaw[sample & 0xffff] is the wire byte of a 16-bit sample. The table has 64 KiB, so that
 * a sample costs one look-up.
 *
 * G.711 defines its decision values for 14-bit samples and does not say where a sample exactly on
 * one belongs. This table equals sox for all 65,536 samples: it rounds to the nearest 14-bit value
 * (halves up) and uses tables 2a and 2b, with a value on the border going outwards for both signs.
 * Do not compare the encoder with ffmpeg (libavcodec's pcm_mulaw): it truncates 16 bits to 14
 * instead of rounding, and is off by one step for 128 of the negative 14-bit values. Both decoders
 * agree with the standard.
 */
const linearToUlaw = Uint8Array.from({ length: 65536 }, (_, index) => {
  const sample14 = (((index << 16) >> 16) + 2) >> 2;
  const sign = sample14 < 0 ? 0x80 : 0;
  const biased = Math.min(Math.abs(sample14), CLIP_14) + BIAS_14;
  const segment = 26 - Math.clz32(biased);
  return ~(sign | (segment << 4) | ((biased >> (segment + 1)) & 0x0f)) & 0xff;
});

/**
 * Decodes mu-law audio into linear PCM, in a buffer that the caller owns.
 *
 * @param ulaw  n bytes, one 8 kHz sample each; read only. A 20 ms frame is 160 bytes.
 * @param pcm   at least n 16-bit samples, full scale ±32124; the first n are overwritten.
 * @returns     n, the number of samples written.
 * @throws      RangeError when pcm is shorter than ulaw; pcm is then unchanged.
 *
 * Allocates nothing: it runs 50 times a second for every call.
 */
export function decodeUlaw(ulaw: Uint8Array, pcm: Int16Array): number {
  const n = ulaw.length;
  if (pcm.length < n) throw new RangeError(`pcm holds ${pcm.length} samples, needs ${n}`);
  for (let i = 0; i < n; i++) pcm[i] = ulawToLinear[ulaw[i]!]!;
  return n;
}

/**
 * Encodes linear PCM as mu-law, in a buffer that the caller owns. Allocates nothing.
 *
 * @param pcm   n 16-bit samples at 8 kHz; magnitudes above 32635 saturate.
 * @param ulaw  at least n bytes; the first n are overwritten.
 * @returns     n, the number of bytes written.
 * @throws      RangeError when ulaw is shorter than pcm; ulaw is then unchanged.
 */
export function encodeUlaw(pcm: Int16Array, ulaw: Uint8Array): number {
  const n = pcm.length;
  if (ulaw.length < n) throw new RangeError(`ulaw holds ${ulaw.length} bytes, needs ${n}`);
  for (let i = 0; i < n; i++) ulaw[i] = linearToUlaw[pcm[i]! & 0xffff]!;
  return n;
}
