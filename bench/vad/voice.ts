/**
 * A stand-in for recorded speech where none is installed: buzzed syllables with formants, breathy
 * consonants, pauses.
 */

import { Random } from "../random.js";
import type { Half, Recording } from "./prompts.js";

const RATE_HZ = 8000;
/** First three formants of open, front, back and central vowels, in Hz. */
const VOWELS: readonly (readonly [number, number, number])[] = [
  [730, 1090, 2440],
  [270, 2290, 3010],
  [300, 870, 2240],
  [530, 1840, 2480],
  [570, 840, 2410],
  [490, 1350, 1690],
];

/**
 * @returns `count` utterances of 1.5 to 4 s, half of them "dev" and half "test"; the same for the
 *          same seed.
 */
export function syntheticPrompts(count: number, seed: number): Recording[] {
  const random = new Random(seed);
  return Array.from({ length: count }, (_, n): Recording => {
    const half: Half = n % 2 === 0 ? "dev" : "test";
    return { language: "synthetic", name: `voice-${n}`, half, samples: utterance(random) };
  });
}

/**
 * Syllables of one voice: a consonant of noise or a stop, a vowel, now and then a gap between
 * words.
 */
function utterance(random: Random): Float32Array {
  const out = new Float32Array(Math.floor(RATE_HZ * random.between(1.5, 4)));
  const pitchHz = random.between(90, 230);
  const size = random.between(0.92, 1.15);
  let at = Math.floor(RATE_HZ * random.between(0.02, 0.1));
  while (at < out.length) {
    const consonant = Math.floor(RATE_HZ * random.between(0.04, 0.11));
    hiss(out.subarray(at, at + consonant), random);
    at += consonant;
    const vowel = Math.floor(RATE_HZ * random.between(0.08, 0.24));
    voice(out.subarray(at, at + vowel), random, pitchHz * random.between(0.85, 1.2), size);
    at += vowel;
    if (random.next() < 0.35) at += Math.floor(RATE_HZ * random.between(0.05, 0.25));
  }
  return out;
}

function hiss(out: Float32Array, random: Random): void {
  const stop = random.next() < 0.4;
  const centre = resonator(random.between(1200, 3400), 700);
  for (let i = 0; i < out.length; i++) {
    const closed = stop && i < out.length * 0.6;
    out[i] = closed ? 0 : 0.08 * centre(random.gauss());
  }
}

function voice(out: Float32Array, random: Random, pitchHz: number, size: number): void {
  const formants = random
    .pick(VOWELS)
    .map((hz, n) => resonator(Math.min(3700, hz * size), 60 + 40 * n));
  let phase = 0;
  for (let i = 0; i < out.length; i++) {
    phase += (pitchHz * (1 - (0.12 * i) / out.length)) / RATE_HZ;
    const pulse = phase >= 1 ? 1 : 0;
    if (pulse === 1) phase -= 1;
    const source = pulse + 0.02 * random.gauss();
    let sum = 0;
    for (const [n, formant] of formants.entries()) sum += formant(source) / (1 + 0.8 * n);
    out[i] = 0.5 * sum * Math.min(1, i / 160, (out.length - i) / 200);
  }
}

/** Two-pole resonance with about the same gain at any frequency. */
function resonator(hz: number, bandwidthHz: number): (x: number) => number {
  const radius = Math.exp((-Math.PI * bandwidthHz) / RATE_HZ);
  const a1 = 2 * radius * Math.cos((2 * Math.PI * hz) / RATE_HZ);
  const gain = 1 - radius;
  let y1 = 0;
  let y2 = 0;
  return (x) => {
    const y = gain * x + a1 * y1 - radius * radius * y2;
    y2 = y1;
    y1 = y;
    return y;
  };
}
