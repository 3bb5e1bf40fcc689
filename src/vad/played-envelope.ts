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

/**
 * How loud, and in which bands, the phone plays at any time: steps of 10 ms on the call's clock, of which each holds the loudest of the
 * 30 ms that begin with it. A 20 ms frame of the caller touches three steps of what was played. 3 KB a call.
 */
export class PlayedEnvelope {
  /** A ring of steps; of each its bands. */
  readonly #levels = new Uint8Array(STEPS * ENVELOPE_BANDS);
  /** A step that waits for the rest of its audio. */
  readonly #rest = new Uint8Array(STEP_BYTES);
  #restBytes = 0;
  /** When the next step of the present run plays. */
  #nextMs = Number.NEGATIVE_INFINITY;
  /** Nothing is announced from this step on. */
  #endStep = Number.NEGATIVE_INFINITY;

  /** Nothing is announced from this step on. */
  endsBefore(step: number): boolean {
    return this.#endStep <= step;
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
    const before = slot(step - 1);
    const twoBefore = slot(step - 2);
    for (let band = 0; band < ENVELOPE_BANDS; band++) {
      const level = Math.round(UNITS_PER_DB * (levels[band]! - UNANNOUNCED_DBOV));
      this.#levels[at + band] = level;
      if (this.#levels[before + band]! < level) this.#levels[before + band] = level;
      if (this.#levels[twoBefore + band]! < level) this.#levels[twoBefore + band] = level;
    }
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
      for (let band = 0; band < ENVELOPE_BANDS; band++) this.#levels[at + band] = NOTHING;
    }
  }

  /** The loudest of a band in the 30 ms from `step` times 10 ms on, in dBov. */
  loudestDbov(band: number, step: number): number {
    if (step >= this.#endStep || step < this.#endStep - STEPS) return UNANNOUNCED_DBOV;
    return this.#levels[slot(step) + band]! / UNITS_PER_DB + UNANNOUNCED_DBOV;
  }

  /** `out[n]` becomes the loudest of a band from step `step − n · apart` on: cheaper than asking for each. */
  readBack(band: number, step: number, apart: number, out: Float32Array): void {
    const back = apart * ENVELOPE_BANDS;
    const end = this.#endStep;
    let at = slot(step);
    for (let n = 0; n < out.length; n++) {
      const known = step < end && step >= end - STEPS;
      out[n] = (known ? this.#levels[at + band]! : NOTHING) / UNITS_PER_DB + UNANNOUNCED_DBOV;
      step -= apart;
      at = at < back ? at - back + STEPS * ENVELOPE_BANDS : at - back;
    }
  }

  /**
   * Raises each band of `out` to the loudest that comes through any of several ways: the n-th adds `addDb[n]`, and `share[n]` of
   * `bandDb[band]`, to what plays from step `step − n · apart` on. A way with an addDb of −Infinity is closed.
   */
  raise(
    step: number,
    apart: number,
    addDb: Float32Array,
    share: Float32Array,
    bandDb: Float32Array,
    out: Float32Array,
  ): void {
    const end = this.#endStep;
    for (let n = 0; n < addDb.length; n++, step -= apart) {
      if (addDb[n] === Number.NEGATIVE_INFINITY || step >= end || step < end - STEPS) continue;
      const at = slot(step);
      const plusDb = addDb[n]! + UNANNOUNCED_DBOV;
      const shared = share[n]!;
      for (let band = 0; band < out.length; band++) {
        const level = this.#levels[at + band]! / UNITS_PER_DB + plusDb + shared * bandDb[band]!;
        if (level > out[band]!) out[band] = level;
      }
    }
  }

  /** Something was sent to the phone for the 30 ms from this step on, be it silence. */
  announced(step: number): boolean {
    return this.loudestDbov(0, step) > UNANNOUNCED_DBOV;
  }

  reset(): void {
    this.#levels.fill(NOTHING);
    this.#restBytes = 0;
    this.#nextMs = Number.NEGATIVE_INFINITY;
    this.#endStep = Number.NEGATIVE_INFINITY;
  }
}

/** Where a step's bands begin. Whole numbers of 32 bits, of which the remainder is cheap: steps for 248 days. */
function slot(step: number): number {
  const rest = (step | 0) % STEPS;
  return (rest < 0 ? rest + STEPS : rest) * ENVELOPE_BANDS;
}
