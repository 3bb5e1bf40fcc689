import { ENVELOPE_BANDS, envelope, STEP_BYTES } from "./envelope.js";

export const STEP_MS = 10;
/** What a step reads as for which nothing was sent to the phone. Silence that was sent is louder. */
const UNANNOUNCED_DBOV = -73;

/** Half decibels over UNANNOUNCED_DBOV: a byte holds what sound can be. */
const UNITS_PER_DB = 2;
const NOTHING = 0;
/** 5.8 s: the longest lead (5 s) and the longest echo. */
const STEPS = 580;
/** The clock of the phone is corrected a little by every mark; within this it is still the same run of audio. */
const SLACK_MS = 15;

const levels = new Float32Array(ENVELOPE_BANDS);

/** How loud, and in which bands, the phone plays at any time: steps of 10 ms on the call's clock. 3 KB a call. */
export class PlayedEnvelope {
  /** One ring of STEPS a band, one behind the other. */
  readonly #levels = new Uint8Array(STEPS * ENVELOPE_BANDS);
  /** A step that waits for the rest of its audio. */
  readonly #rest = new Uint8Array(STEP_BYTES);
  #restBytes = 0;
  /** When the next step of the present run plays. */
  #nextMs = Number.NEGATIVE_INFINITY;
  /** Nothing is announced from this step on. */
  #endStep = Number.NEGATIVE_INFINITY;

  /** Up to when something is announced, on the call's clock. */
  get endMs(): number {
    return this.#endStep * STEP_MS;
  }

  /** `ulaw[start, end)` plays from `playsAtMs` on. Keeps no reference to it. */
  played(ulaw: Uint8Array, start: number, end: number, playsAtMs: number): void {
    if (Math.abs(playsAtMs - this.#nextMs - this.#restBytes / 8) > SLACK_MS) {
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
    envelope(ulaw, start, 1, levels);
    const step = Math.round(this.#nextMs / STEP_MS);
    this.#nextMs += STEP_MS;
    this.#erase(this.#endStep, step);
    const at = slot(step);
    for (let band = 0; band < ENVELOPE_BANDS; band++)
      this.#levels[band * STEPS + at] = Math.round(UNITS_PER_DB * (levels[band]! - UNANNOUNCED_DBOV));
    this.#endStep = step + 1;
  }

  /** What was announced for `fromMs` and later never plays. */
  cleared(fromMs: number): void {
    const step = Math.ceil(fromMs / STEP_MS);
    this.#restBytes = 0;
    this.#nextMs = Number.NEGATIVE_INFINITY;
    if (step >= this.#endStep) return;
    this.#erase(step, this.#endStep);
    this.#endStep = step;
  }

  #erase(from: number, to: number): void {
    for (let step = Math.max(from, to - STEPS); step < to; step++) {
      const at = slot(step);
      for (let band = 0; band < ENVELOPE_BANDS; band++) this.#levels[band * STEPS + at] = NOTHING;
    }
  }

  /** Level of one band, in dBov, `step` times 10 ms after the clock's zero. */
  levelDbov(band: number, step: number): number {
    if (step >= this.#endStep || step < this.#endStep - STEPS) return UNANNOUNCED_DBOV;
    return this.#levels[band * STEPS + slot(step)]! / UNITS_PER_DB + UNANNOUNCED_DBOV;
  }

  /** The loudest of `steps` steps from `step` on. */
  loudestDbov(band: number, step: number, steps: number): number {
    let loudest = UNANNOUNCED_DBOV;
    for (let n = 0; n < steps; n++) loudest = Math.max(loudest, this.levelDbov(band, step + n));
    return loudest;
  }

  /** `out[n]` becomes the level of one band in step `step + n`: cheaper than asking for each. */
  read(band: number, step: number, out: Float32Array): void {
    let at = slot(step);
    for (let n = 0; n < out.length; n++) {
      const known = step + n < this.#endStep && step + n >= this.#endStep - STEPS;
      const level = known ? this.#levels[band * STEPS + at]! : NOTHING;
      out[n] = level / UNITS_PER_DB + UNANNOUNCED_DBOV;
      at = at + 1 === STEPS ? 0 : at + 1;
    }
  }

  /** Something was sent to the phone for this step, be it silence. */
  announced(step: number): boolean {
    return this.levelDbov(0, step) > UNANNOUNCED_DBOV;
  }

  reset(): void {
    this.#levels.fill(NOTHING);
    this.#restBytes = 0;
    this.#nextMs = Number.NEGATIVE_INFINITY;
    this.#endStep = Number.NEGATIVE_INFINITY;
  }
}

function slot(step: number): number {
  const rest = step % STEPS;
  return rest < 0 ? rest + STEPS : rest;
}
