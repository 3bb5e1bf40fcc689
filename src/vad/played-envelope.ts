import { ENVELOPE_BANDS, envelope, STEP_BYTES } from "./envelope.js";

export const STEP_MS = 10;
/** Half decibels: a byte holds what 16-bit sound can be. */
const UNITS_PER_DB = 2;
/** 5.8 s: the longest lead (5 s) and the longest echo. */
const STEPS = 580;
/** The phone's clock is corrected by marks; less than this is the same run of audio, seen a little better. */
const SLACK_MS = 15;

const levels = new Float32Array(ENVELOPE_BANDS);

/** How loud, and in which bands, what we play is at any time: 10 ms steps on the call's clock. 3 KB. */
export class PlayedEnvelope {
  readonly #levels = new Uint8Array(STEPS * ENVELOPE_BANDS);
  readonly #rest = new Uint8Array(STEP_BYTES);
  #restBytes = 0;
  /** When the next byte of the present run plays. */
  #nextMs = Number.NEGATIVE_INFINITY;
  /** Steps before this one are known; none later was written. */
  #endStep = Number.NEGATIVE_INFINITY;

  /** Up to when something is announced. */
  get endMs(): number {
    return this.#endStep * STEP_MS;
  }

  played(ulaw: Uint8Array, start: number, end: number, playsAtMs: number): void {
    if (Math.abs(playsAtMs - this.#nextMs) > SLACK_MS) {
      this.#restBytes = 0;
      this.#nextMs = playsAtMs;
    }
    let at = start;
    if (this.#restBytes > 0) {
      const taken = Math.min(STEP_BYTES - this.#restBytes, end - at);
      for (let i = 0; i < taken; i++) this.#rest[this.#restBytes + i] = ulaw[at + i]!;
      this.#restBytes += taken;
      at += taken;
      if (this.#restBytes < STEP_BYTES) return;
      this.#restBytes = 0;
      this.#write(this.#rest, 0);
    }
    for (; at + STEP_BYTES <= end; at += STEP_BYTES) this.#write(ulaw, at);
    for (; at < end; at++) this.#rest[this.#restBytes++] = ulaw[at]!;
  }

  #write(ulaw: Uint8Array, start: number): void {
    envelope(ulaw, start, 1, levels, 0);
    const step = Math.round(this.#nextMs / STEP_MS);
    this.#nextMs += STEP_MS;
    this.#silence(this.#endStep, step);
    const at = (((step % STEPS) + STEPS) % STEPS) * ENVELOPE_BANDS;
    for (let band = 0; band < ENVELOPE_BANDS; band++)
      this.#levels[at + band] = Math.round(UNITS_PER_DB * levels[band]!);
    this.#endStep = step + 1;
  }

  /** Nothing plays from one step to before another. */
  #silence(from: number, to: number): void {
    for (let step = Math.max(from, to - STEPS); step < to; step++) {
      const at = (((step % STEPS) + STEPS) % STEPS) * ENVELOPE_BANDS;
      for (let band = 0; band < ENVELOPE_BANDS; band++) this.#levels[at + band] = 0;
    }
  }

  /** What was announced for `fromMs` and later never plays. */
  cleared(fromMs: number): void {
    const step = Math.ceil(fromMs / STEP_MS);
    this.#restBytes = 0;
    this.#nextMs = Number.NEGATIVE_INFINITY;
    if (step >= this.#endStep) return;
    this.#silence(step, this.#endStep);
    this.#endStep = step;
  }

  /** Level of a band in the step that begins at `step` times 10 ms; 0 where nothing plays. */
  levelDb(step: number, band: number): number {
    if (step >= this.#endStep || step < this.#endStep - STEPS) return 0;
    return this.#levels[(((step % STEPS) + STEPS) % STEPS) * ENVELOPE_BANDS + band]! / UNITS_PER_DB;
  }

  reset(): void {
    this.#levels.fill(0);
    this.#restBytes = 0;
    this.#nextMs = Number.NEGATIVE_INFINITY;
    this.#endStep = Number.NEGATIVE_INFINITY;
  }
}
