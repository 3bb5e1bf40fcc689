/** Sounds for scripts without recordings. */
import { BYTES_PER_MS, ULAW_SILENCE, ulawOf } from "./mulaw.js";

/**
 * A voice-like sound: harmonics in syllables of about 200 ms, -20 dBov on average. The same seed
 * gives the same bytes; different seeds sound different.
 */
export function speechLike(durationMs: number, seed = 1): Buffer {
  const out = Buffer.allocUnsafe(Math.round(durationMs * BYTES_PER_MS));
  const pitchHz = 95 + ((seed * 37) % 110);
  for (let i = 0; i < out.length; i++) {
    const t = i / 8000;
    // Never silent between syllables, so that a VAD finds one utterance.
    const syllable = 0.35 + 0.65 * Math.abs(Math.sin(Math.PI * t * 4.6 + seed));
    let wave = 0;
    for (let h = 1; h <= 8; h++) wave += Math.sin(2 * Math.PI * pitchHz * h * t + h * h * seed) / h;
    out[i] = ulawOf(wave * syllable * 3800);
  }
  return out;
}

export function silence(durationMs: number): Buffer {
  return Buffer.alloc(Math.round(durationMs * BYTES_PER_MS), ULAW_SILENCE);
}

/** How long a text takes to say, roughly: 15 characters a second, at least 0.4 s. */
export function spokenMs(text: string): number {
  return Math.max(400, Math.round((text.length * 1000) / 15 / 20) * 20);
}

/** A sine wave at about -13 dBov. */
export function tone(hz: number, durationMs: number): Buffer {
  const out = Buffer.allocUnsafe(Math.round(durationMs * BYTES_PER_MS));
  for (let i = 0; i < out.length; i++)
    out[i] = ulawOf(Math.sin((2 * Math.PI * hz * i) / 8000) * 10_000);
  return out;
}
