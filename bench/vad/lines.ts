/** Simulated telephone lines: prompts with pauses, noise of known loudness, a channel, mu-law. */
import { FRAME_BYTES } from "../../src/codec/frame.js";
import { encodeUlaw, ULAW_SILENCE } from "../../src/codec/ulaw.js";
import type { Random } from "../random.js";
import { makeNoise, type NoiseKind, type NoiseMaterial } from "./noise.js";
import type { Recording } from "./prompts.js";
import { markSpeech } from "./truth.js";

export interface Line {
  readonly language: string;
  readonly noise: NoiseKind | "none";
  /** Speech over noise, where each of them sounds; Infinity without noise. */
  readonly snrDb: number;
  /** Whole 20 ms frames. */
  readonly ulaw: Uint8Array;
  /** One per frame: 1 is speech. */
  readonly truth: Uint8Array;
}

export interface LineSpec {
  readonly language: string;
  readonly noise: NoiseKind | "none";
  readonly snrDb: number;
  readonly seconds: number;
  /** False: a line without speech, as loud as the noise of one with speech. */
  readonly speech: boolean;
}

const RATE_HZ = 8000;
/**
 * Active speech on real lines, as ITU-T P.56 measures it: from loud to a soft voice far from the
 * phone.
 */
const SPEECH_DBOV: readonly [number, number] = [-38, -12];
const NOMINAL_DBOV = -25;
/** Noise on lines without speech is as loud as if speech were so far from the nominal level. */
const SILENT_SPREAD_DB: readonly [number, number] = [-9, 11];
/** A line without noise still hisses. */
const IDLE_DBOV = -72;
const PAUSE_S: readonly [number, number] = [0.4, 2.2];
/**
 * So often a line begins with digital silence, as it does while a network has not joined the
 * parties yet.
 */
const MUTED_START_SHARE = 0.25;
const MUTED_S = 1.5;
/** Every other line goes through the band of an analogue or mobile phone. */
const NARROW_BAND_SHARE = 0.5;

export function makeLine(
  spec: LineSpec,
  speech: readonly Recording[],
  material: NoiseMaterial,
  random: Random,
): Line {
  const frames = Math.floor((spec.seconds * RATE_HZ) / FRAME_BYTES);
  const mixed = new Float32Array(frames * FRAME_BYTES);
  const truth = new Uint8Array(frames);
  const speechDbov = spec.speech
    ? random.between(...SPEECH_DBOV)
    : NOMINAL_DBOV + random.between(...SILENT_SPREAD_DB);
  if (spec.speech) say(mixed, truth, speech, speechDbov, random);
  if (spec.noise !== "none") {
    const gain = 10 ** ((speechDbov - spec.snrDb) / 20);
    const noise = makeNoise(spec.noise, mixed.length, random, material);
    for (let i = 0; i < mixed.length; i++) mixed[i] = mixed[i]! + gain * noise[i]!;
  }
  if (random.next() < NARROW_BAND_SHARE) narrow(mixed);
  const idle = 10 ** (IDLE_DBOV / 20);
  const pcm = new Int16Array(mixed.length);
  for (let i = 0; i < pcm.length; i++) {
    const sample = Math.round(32768 * (mixed[i]! + idle * random.gauss()));
    pcm[i] = Math.max(-32768, Math.min(32767, sample));
  }
  const ulaw = new Uint8Array(pcm.length);
  encodeUlaw(pcm, ulaw);
  if (random.next() < MUTED_START_SHARE)
    mute(ulaw, truth, Math.floor((random.between(0.1, MUTED_S) * RATE_HZ) / FRAME_BYTES));
  return { language: spec.language, noise: spec.noise, snrDb: spec.snrDb, ulaw, truth };
}

function mute(ulaw: Uint8Array, truth: Uint8Array, frames: number): void {
  ulaw.fill(ULAW_SILENCE, 0, frames * FRAME_BYTES);
  truth.fill(0, 0, frames);
}

/** Prompts one after another, each at the given active level, with pauses between them. */
function say(
  mixed: Float32Array,
  truth: Uint8Array,
  speech: readonly Recording[],
  speechDbov: number,
  random: Random,
): void {
  let at = Math.floor(RATE_HZ * random.between(0, PAUSE_S[1]));
  while (at < mixed.length) {
    const { samples } = random.pick(speech);
    const end = Math.min(mixed.length, at + samples.length);
    mixed.set(samples.subarray(0, end - at), at);
    markSpeech(mixed, at, end, truth);
    toLevel(mixed, truth, at, end, speechDbov);
    at = end + Math.floor(RATE_HZ * random.between(...PAUSE_S));
  }
}

/** Scales what lies between two samples so that its speech frames have the level asked for. */
function toLevel(
  mixed: Float32Array,
  truth: Uint8Array,
  start: number,
  end: number,
  dbov: number,
): void {
  let sum = 0;
  let count = 0;
  for (let i = start; i < end; i++) {
    if (truth[Math.floor(i / FRAME_BYTES)] !== 1) continue;
    sum += mixed[i]! ** 2;
    count++;
  }
  if (sum === 0) return;
  const gain = 10 ** (dbov / 20) / Math.sqrt(sum / count);
  for (let i = start; i < end; i++) mixed[i] = mixed[i]! * gain;
}

/** 300 to 3,400 Hz: second-order Butterworth sections. */
function narrow(samples: Float32Array): void {
  section(samples, 300, true);
  section(samples, 3400, false);
}

function section(samples: Float32Array, cornerHz: number, highPass: boolean): void {
  const w = (2 * Math.PI * cornerHz) / RATE_HZ;
  const alpha = Math.sin(w) / Math.SQRT2;
  const cos = Math.cos(w);
  const a0 = 1 + alpha;
  const edge = highPass ? 1 + cos : 1 - cos;
  const b0 = edge / 2 / a0;
  const b1 = (highPass ? -edge : edge) / a0;
  const a1 = (-2 * cos) / a0;
  const a2 = (1 - alpha) / a0;
  let x1 = 0;
  let x2 = 0;
  let y1 = 0;
  let y2 = 0;
  for (let i = 0; i < samples.length; i++) {
    const x = samples[i]!;
    const y = b0 * x + b1 * x1 + b0 * x2 - a1 * y1 - a2 * y2;
    x2 = x1;
    x1 = x;
    y2 = y1;
    y1 = y;
    samples[i] = y;
  }
}
