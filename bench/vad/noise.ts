/** Noise of telephone lines. Every kind is made from a seed and has an RMS of 1 while it sounds. */

import type { Random } from "../random.js";
import type { Recording } from "./prompts.js";

export const NOISE_KINDS = ["white", "babble", "hum", "music", "dtmf", "cough"] as const;
/**
 * Heard in training only: a detector should know them, and the table should not be measured on
 * them.
 */
export const EXTRA_KINDS = ["pink", "brown", "keys", "ringing"] as const;
export type NoiseKind = (typeof NOISE_KINDS)[number] | (typeof EXTRA_KINDS)[number];

export interface NoiseMaterial {
  /** Recordings that babble is made of. */
  readonly speech: readonly Recording[];
  /** Music on hold; synthesized where there is none. */
  readonly music: readonly Recording[];
}

const RATE_HZ = 8000;
const BABBLERS = 8;

/** @returns `length` samples at 8 kHz. */
export function makeNoise(
  kind: NoiseKind,
  length: number,
  random: Random,
  material: NoiseMaterial,
): Float32Array {
  const out = new Float32Array(length);
  switch (kind) {
    case "white":
      for (let i = 0; i < length; i++) out[i] = random.gauss();
      break;
    case "pink":
      coloured(out, random, 0.9);
      break;
    case "brown":
      coloured(out, random, 0.985);
      break;
    case "babble":
      babble(out, random, material.speech);
      break;
    case "hum":
      hum(out, random);
      break;
    case "music":
      music(out, random, material.music);
      break;
    case "dtmf":
      dtmf(out, random);
      break;
    case "cough":
      coughs(out, random);
      break;
    case "keys":
      keys(out, random);
      break;
    case "ringing":
      ringing(out, random);
      break;
  }
  return normalize(out);
}

/** RMS 1 over the 20 ms frames within 20 dB of the loudest: bursts count as loud as they are. */
function normalize(out: Float32Array): Float32Array {
  const frames: number[] = [];
  for (let at = 0; at + 160 <= out.length; at += 160) {
    let sum = 0;
    for (let i = at; i < at + 160; i++) sum += out[i]! ** 2;
    frames.push(sum / 160);
  }
  const peak = Math.max(...frames, 1e-12);
  const sounding = frames.filter((power) => power > peak / 100);
  const power = sounding.reduce((sum, frame) => sum + frame, 0) / Math.max(1, sounding.length);
  const gain = 1 / Math.sqrt(power + 1e-12);
  for (let i = 0; i < out.length; i++) out[i] = out[i]! * gain;
  return out;
}

/** White noise through one pole, its loudness drifting slowly as a street's does. */
function coloured(out: Float32Array, random: Random, pole: number): void {
  let y = 0;
  let drift = 0;
  for (let i = 0; i < out.length; i++) {
    y = pole * y + (1 - pole) * random.gauss();
    if (i % 800 === 0) drift = 0.98 * drift + 0.06 * random.gauss();
    out[i] = y * Math.exp(drift);
  }
}

/** Several people at once, equally loud, none of them the caller. */
function babble(out: Float32Array, random: Random, speech: readonly Recording[]): void {
  for (let talker = 0; talker < BABBLERS; talker++) {
    for (let at = -random.below(RATE_HZ); at < out.length; ) {
      const { samples } = random.pick(speech);
      let sum = 1e-9;
      for (let i = 0; i < samples.length; i++) sum += samples[i]! ** 2;
      const gain = Math.sqrt(samples.length / sum);
      for (let i = Math.max(0, -at); i < samples.length && at + i < out.length; i++)
        out[at + i] = out[at + i]! + gain * samples[i]!;
      at += samples.length + random.below(RATE_HZ / 4);
    }
  }
}

/**
 * The mains and its harmonics, from a pure hum to a rectifier's buzz, mostly with a little hiss.
 */
function hum(out: Float32Array, random: Random): void {
  const mainsHz = random.pick([50, 60]);
  const sparse = random.next() < 0.3 ? 0.7 : 0;
  const harmonics = Array.from({ length: 24 }, (_, n) => ({
    step: (2 * Math.PI * mainsHz * (n + 1)) / RATE_HZ,
    phase: random.between(0, 2 * Math.PI),
    amplitude:
      random.next() < sparse
        ? 0
        : (random.next() * (n % 2 === 0 ? 1 : 0.5)) / (1 + n / random.between(1, 4)),
  }));
  // Five periods of 50 Hz, six of 60 Hz.
  const periods = Float32Array.from({ length: RATE_HZ / 10 }, (_, i) =>
    harmonics.reduce(
      (sum, { step, phase, amplitude }) => sum + amplitude * Math.sin(step * i + phase),
      0,
    ),
  );
  const hiss = random.next() < 0.25 ? 0 : random.between(0.02, 0.15);
  for (let i = 0; i < out.length; i++)
    out[i] = periods[i % periods.length]! + hiss * random.gauss();
}

function music(out: Float32Array, random: Random, tracks: readonly Recording[]): void {
  if (tracks.length === 0) {
    synthesizedMusic(out, random);
    return;
  }
  const { samples } = random.pick(tracks);
  let from = random.below(samples.length);
  for (let i = 0; i < out.length; i++) {
    out[i] = samples[from]!;
    from = from + 1 === samples.length ? 0 : from + 1;
  }
}

/** Chords of plucked and held notes over a beat. */
function synthesizedMusic(out: Float32Array, random: Random): void {
  const beat = Math.floor(RATE_HZ * random.between(0.25, 0.6));
  const root = random.between(90, 180);
  const scale = [0, 2, 4, 7, 9, 12, 16, 19, 24];
  const decay = random.between(1, 6);
  const drums = random.next() < 0.6 ? random.between(0.2, 1) : 0;
  for (let at = 0; at < out.length; at += beat) {
    for (let voice = 0; voice < 3; voice++) {
      const step = (2 * Math.PI * root * 2 ** (random.pick(scale) / 12)) / RATE_HZ;
      const partials = Array.from({ length: 6 }, (_, n) => random.next() / (n + 1));
      const length = Math.min(beat * (1 + random.below(3)), out.length - at);
      // Each from the one before: sines and powers of their own would take ten times as long.
      const fading = Math.exp(-decay / RATE_HZ);
      const sinStep = Math.sin(step);
      const cosStep = Math.cos(step);
      let faded = 1;
      let sin = 0;
      let cos = 1;
      for (let i = 0; i < length; i++) {
        const envelope = Math.min(1, i / 80) * faded;
        let sum = 0;
        let before = 0;
        let wave = sin;
        for (let n = 0; n < 6; n++) {
          sum += partials[n]! * wave;
          const next = 2 * cos * wave - before;
          before = wave;
          wave = next;
        }
        faded *= fading;
        const sine = sin * cosStep + cos * sinStep;
        cos = cos * cosStep - sin * sinStep;
        sin = sine;
        out[at + i] = out[at + i]! + sum * envelope;
      }
    }
    for (let i = 0; i < Math.min(600, out.length - at); i++)
      out[at + i] = out[at + i]! + drums * random.gauss() * Math.exp(-i / 120);
  }
}

const ROWS_HZ = [697, 770, 852, 941];
const COLUMNS_HZ = [1209, 1336, 1477, 1633];

/** DTMF keys. */
function dtmf(out: Float32Array, random: Random): void {
  for (let at = random.below(RATE_HZ); at < out.length; ) {
    const length = Math.floor(RATE_HZ * random.between(0.06, 0.3));
    const low = (2 * Math.PI * random.pick(ROWS_HZ)) / RATE_HZ;
    const high = (2 * Math.PI * random.pick(COLUMNS_HZ)) / RATE_HZ;
    for (let i = 0; i < length && at + i < out.length; i++)
      out[at + i] = Math.sin(low * i) + Math.sin(high * i);
    at += length + Math.floor(RATE_HZ * random.between(0.06, 1.2));
  }
}

/**
 * One to three bursts: an explosive start of 20 to 50 ms over the whole band, then breath of 80 to
 * 250 ms through two wide resonances that move, and sometimes a short weak voice at the end, as
 * coughs have.
 */
function coughs(out: Float32Array, random: Random): void {
  for (let at = random.below(RATE_HZ); at < out.length; ) {
    const bursts = 1 + random.below(3);
    for (let burst = 0; burst < bursts; burst++) {
      const length = Math.floor(RATE_HZ * random.between(0.12, 0.35));
      cough(out.subarray(at, Math.min(out.length, at + length)), length, random);
      at += length + Math.floor(RATE_HZ * random.between(0.05, 0.3));
    }
    at += Math.floor(RATE_HZ * random.between(1, 4));
  }
}

function cough(out: Float32Array, length: number, random: Random): void {
  const explosion = RATE_HZ * random.between(0.02, 0.05);
  const peaks = [resonance(random.between(500, 1100)), resonance(random.between(1300, 2800))];
  const voiced = random.next() < 0.3 ? random.between(0.1, 0.5) : 0;
  const pitch = (2 * Math.PI * random.between(120, 320)) / RATE_HZ;
  for (let i = 0; i < out.length; i++) {
    const attack = Math.min(1, i / 24);
    const fade = 1 - i / length;
    const breath = random.gauss();
    const body = (peaks[0]!(breath) + 0.7 * peaks[1]!(breath)) * fade ** 1.5;
    const burst = i < explosion ? breath * (1 - i / explosion) : 0;
    const voice = i > length * 0.6 ? voiced * Math.sign(Math.sin(pitch * i)) * fade : 0;
    out[i] = attack * (body + 1.5 * burst + voice);
  }
}

function resonance(centreHz: number): (x: number) => number {
  const radius = 0.9;
  const a1 = 2 * radius * Math.cos((2 * Math.PI * centreHz) / RATE_HZ);
  let y1 = 0;
  let y2 = 0;
  return (x) => {
    const y = 0.25 * x + a1 * y1 - radius * radius * y2;
    y2 = y1;
    y1 = y;
    return y;
  };
}

/** A keyboard near the phone, or things put down on a table. */
function keys(out: Float32Array, random: Random): void {
  for (let at = 0; at < out.length; at += Math.floor(RATE_HZ * random.between(0.08, 0.6))) {
    const peak = resonance(random.between(800, 3200));
    const decay = random.between(20, 160);
    const loud = random.between(0.4, 1);
    for (let i = 0; i < 800 && at + i < out.length; i++)
      out[at + i] = out[at + i]! + loud * peak(random.gauss() * Math.exp(-i / decay));
  }
}

/** Call progress tones: ringing, busy, and a phone that rings in the room. */
function ringing(out: Float32Array, random: Random): void {
  const [lowHz, highHz, onS, offS] = random.pick([
    [440, 480, 2, 4],
    [480, 620, 0.5, 0.5],
    [425, 425, 1, 3],
    [350, 440, 8, 0.1],
    [350, 440, 60, 0],
    [400, 400, 60, 0],
    [1000, 1000, 60, 0],
    [1300, 1750, 0.6, 0.8],
  ] as const);
  const low = (2 * Math.PI * lowHz) / RATE_HZ;
  const high = (2 * Math.PI * highHz) / RATE_HZ;
  const period = Math.floor(RATE_HZ * (onS + offS));
  const from = random.below(period);
  for (let i = 0; i < out.length; i++) {
    const at = (i + from) % period;
    out[i] = at < onS * RATE_HZ ? Math.sin(low * i) + Math.sin(high * i) : 0;
  }
}
