/**
 * The echo path from the earpiece to the caller's microphone: what phone and line do to playout.
 */
import type { Random } from "../random.js";

export const ECHO_KINDS = ["line", "room", "narrow", "distorted", "suppressed"] as const;
/**
 * line: one reflection of a hybrid · room: speakerphone with a tail of 60 to 200 ms · narrow: small
 * loudspeaker, low-passed · distorted: overdriven loudspeaker in a room · suppressed: a phone whose
 * own echo canceller works at times.
 */
export type EchoKind = (typeof ECHO_KINDS)[number];

export interface EchoSpec {
  readonly kind: EchoKind;
  /** RMS of what comes back over RMS of what was played, where it plays: −15 … −35. */
  readonly gainDb: number;
  readonly delayMs: number;
}

const RATE_HZ = 8000;

/** @returns the echo of `played`, of the same length; both 8 kHz, full scale ±1. */
export function echoOf(played: Float32Array, spec: EchoSpec, random: Random): Float32Array {
  const out = new Float32Array(played.length);
  const source = spec.kind === "distorted" ? overdriven(played) : played;
  const delay = Math.round((spec.delayMs * RATE_HZ) / 1000);
  addTap(out, source, delay, 1);
  if (spec.kind === "room" || spec.kind === "distorted") {
    const decayS = random.between(0.02, 0.066);
    for (let tap = 0; tap < 40; tap++) {
      const lateS = random.between(0.002, 3 * decayS);
      addTap(
        out,
        source,
        delay + Math.floor(lateS * RATE_HZ),
        0.6 * random.gauss() * Math.exp(-lateS / decayS),
      );
    }
  }
  if (spec.kind !== "line") colour(out, random, spec.kind === "narrow");
  if (spec.kind === "suppressed") wander(out, random);
  scale(out, played, spec.gainDb);
  return out;
}

function addTap(out: Float32Array, source: Float32Array, delay: number, gain: number): void {
  for (let i = delay; i < out.length; i++) out[i] = out[i]! + gain * source[i - delay]!;
}

function overdriven(played: Float32Array): Float32Array {
  let sum = 0;
  for (const sample of played) sum += sample * sample;
  const drive = 1 / (1.2 * Math.sqrt(sum / played.length + 1e-12));
  return played.map((sample) => {
    const x = drive * sample;
    return Math.tanh(x) + 0.15 * Math.tanh(x) ** 2;
  });
}

/** A broad resonance, and the loss of highs (narrow) or lows (any small loudspeaker). */
function colour(out: Float32Array, random: Random, narrow: boolean): void {
  const low = narrow
    ? 2 * Math.PI * (random.between(900, 1800) / RATE_HZ)
    : 2 * Math.PI * (2900 / RATE_HZ);
  const high = 2 * Math.PI * (random.between(150, 500) / RATE_HZ);
  const a = 1 - Math.exp(-low);
  const b = 1 - Math.exp(-high);
  const centre = (2 * Math.PI * random.between(700, 2200)) / RATE_HZ;
  const radius = 0.85;
  const strength = random.between(0, 0.4);
  let lowPassed = 0;
  let drift = 0;
  let y1 = 0;
  let y2 = 0;
  for (let i = 0; i < out.length; i++) {
    lowPassed += a * (out[i]! - lowPassed);
    drift += b * (lowPassed - drift);
    const x = lowPassed - drift;
    const y = (1 - radius) * x + 2 * radius * Math.cos(centre) * y1 - radius * radius * y2;
    y2 = y1;
    y1 = y;
    out[i] = x + strength * y;
  }
}

/** ±5 dB, over seconds. */
function wander(out: Float32Array, random: Random): void {
  const periodS = random.between(1.5, 6);
  const phase = random.between(0, 2 * Math.PI);
  for (let i = 0; i < out.length; i++) {
    const db = 5 * Math.sin(phase + (2 * Math.PI * i) / (periodS * RATE_HZ));
    out[i] = out[i]! * 10 ** (db / 20);
  }
}

function scale(out: Float32Array, played: Float32Array, gainDb: number): void {
  let wanted = 0;
  let got = 1e-12;
  for (let i = 0; i < out.length; i++) {
    wanted += played[i]! ** 2;
    got += out[i]! ** 2;
  }
  const gain = 10 ** (gainDb / 20) * Math.sqrt(wanted / got);
  for (let i = 0; i < out.length; i++) out[i] = out[i]! * gain;
}
