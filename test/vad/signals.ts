/** Sounds for the VAD's tests, the same in every run. */
import { readFileSync } from "node:fs";
import { Random } from "../../bench/random.js";
import { encodeUlaw } from "../../src/codec/ulaw.js";

/** @param sampleAt  a 16-bit sample for each index. */
export function signal(samples: number, sampleAt: (i: number) => number): Uint8Array {
  const pcm = Int16Array.from({ length: samples }, (_, i) =>
    Math.max(-32768, Math.min(32767, sampleAt(i))),
  );
  const ulaw = new Uint8Array(samples);
  encodeUlaw(pcm, ulaw);
  return ulaw;
}

export function whiteNoise(samples: number, amplitude: number, seed: number): Uint8Array {
  const random = new Random(seed);
  return signal(samples, () => amplitude * random.gauss());
}

/** Recorded human speech: a caller of the demo. */
export function recordedSpeech(): Uint8Array {
  return readFileSync(new URL("../../demo/assets/caller-problem.ulaw", import.meta.url));
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
