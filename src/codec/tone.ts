import { BYTES_PER_MS, SAMPLE_RATE_HZ } from "./frame.js";
import { encodeUlaw } from "./ulaw.js";

/** A shorter edge would click. */
const FADE_MS = 10;

/**
 * A sum of sines in mu-law, `ms` long, faded in and out.
 *
 * @param amplitude  of each sine, in 16-bit samples; their sum must stay within ±32,124.
 */
export function tone(frequenciesHz: readonly number[], amplitude: number, ms: number): Uint8Array {
  const samples = ms * BYTES_PER_MS;
  const fade = FADE_MS * BYTES_PER_MS;
  const pcm = Int16Array.from({ length: samples }, (_, n) => {
    let sum = 0;
    for (const hz of frequenciesHz) sum += Math.sin((2 * Math.PI * hz * n) / SAMPLE_RATE_HZ);
    return Math.round(amplitude * sum * Math.min(1, n / fade, (samples - 1 - n) / fade));
  });
  const out = new Uint8Array(samples);
  encodeUlaw(pcm, out);
  return out;
}

/** What a caller hears while they wait: soft, varied, and unlike a busy or a ringing line. */
export const COMFORT_TONES: readonly Uint8Array[] = [
  tone([440], 1_600, 300),
  tone([494], 1_600, 250),
  tone([392], 1_600, 350),
];
