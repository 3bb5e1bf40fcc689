import { core, coreMemory, placeAudio, placeOf } from "../codec/audio-core.js";
import { ENVELOPE_BANDS, STEP_BYTES } from "./envelope.js";

export const STEP_MS = 10;
/** The level of a step for which nothing was sent to the phone. Silence that was sent is louder. */
const UNANNOUNCED_DBOV = -73;

/** Levels are stored in half decibels over UNANNOUNCED_DBOV, which fit into a byte. */
const UNITS_PER_DB = 2;
const NOTHING = 0;
/** The longest lead that can be set, and a round trip. */
const MAX_AHEAD_MS = 5_000;
/** The longest delay of an echo, and some more. */
const BEHIND_MS = 800;
/** Marks correct the phone's clock a little. Within this it is still the same run of audio. */
const SLACK_MS = 15;

/** The module computes levels of so many steps at once. */
const MAX_STEPS = 12;
const stepLevels = coreMemory.subarray(
  placeOf("STEP_LEVELS"),
  placeOf("STEP_LEVELS") + MAX_STEPS * ENVELOPE_BANDS,
);

/**
 * The levels that the phone plays, by band and time: steps of 10 ms on the call's clock. Each step
 * holds the loudest level of the 30 ms that begin with it, because a 20 ms frame of the caller
 * overlaps with three steps. Uses 5 bytes for each step.
 */
export class PlayedEnvelope {
  readonly #steps: number;
  /** Circular buffer of steps, each with all its bands. */
  readonly #levels: Uint8Array;
  /** Audio that does not fill a step yet. */
  readonly #rest: Uint8Array;
  #restBytes = 0;
  /** When the next step of the present run is played. */
  #nextMs = Number.NEGATIVE_INFINITY;
  /** Nothing is announced from this step on. */
  #endStep = Number.NEGATIVE_INFINITY;

  /** @param maxAheadMs  how long before it is played audio is announced at most, in ms. */
  constructor(maxAheadMs = MAX_AHEAD_MS) {
    this.#steps = Math.ceil((maxAheadMs + BEHIND_MS) / STEP_MS);
    const memory = new Uint8Array(this.#steps * ENVELOPE_BANDS + STEP_BYTES);
    this.#levels = memory.subarray(0, -STEP_BYTES);
    this.#rest = memory.subarray(-STEP_BYTES);
  }

  /** Nothing is announced from this step on. */
  endsBefore(step: number): boolean {
    return this.#endStep <= step;
  }

  /** `ulaw[start, end)` is played from `playsAtMs` on. Keeps no reference to it. */
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
      this.#write(this.#rest, 0, 1);
    }
    for (let steps = wholeSteps(at, end); steps > 0; steps = wholeSteps(at, end)) {
      this.#write(ulaw, at, steps);
      at += steps * STEP_BYTES;
    }
    for (; at < end; at++) this.#rest[this.#restBytes++] = ulaw[at]!;
  }

  #write(ulaw: Uint8Array, start: number, steps: number): void {
    core.stepLevels(placeAudio(ulaw, start, start + steps * STEP_BYTES), steps);
    for (let i = 0; i < steps; i++) {
      const step = Math.round(this.#nextMs / STEP_MS);
      this.#nextMs += STEP_MS;
      if (step > this.#endStep) this.#erase(this.#endStep, step);
      const from = i * ENVELOPE_BANDS;
      const at = this.#slot(step);
      const before = this.#slot(step - 1);
      const twoBefore = this.#slot(step - 2);
      for (let band = 0; band < ENVELOPE_BANDS; band++) {
        const level = stepLevels[from + band]!;
        this.#levels[at + band] = level;
        if (this.#levels[before + band]! < level) this.#levels[before + band] = level;
        if (this.#levels[twoBefore + band]! < level) this.#levels[twoBefore + band] = level;
      }
      this.#endStep = step + 1;
    }
  }

  /**
   * Where a step's bands begin. The remainder of a 32-bit integer is cheap; the range is 248 days.
   */
  #slot(step: number): number {
    const rest = (step | 0) % this.#steps;
    return (rest < 0 ? rest + this.#steps : rest) * ENVELOPE_BANDS;
  }

  /** What was announced for `fromMs` and later is never played. */
  cleared(fromMs: number): void {
    const step = Math.ceil(fromMs / STEP_MS);
    this.#restBytes = 0;
    this.#nextMs = Number.NEGATIVE_INFINITY;
    if (step >= this.#endStep) return;
    this.#erase(step, this.#endStep);
    this.#endStep = step;
  }

  #erase(from: number, to: number): void {
    for (let step = Math.max(from, to - this.#steps); step < to; step++) {
      const at = this.#slot(step);
      for (let band = 0; band < ENVELOPE_BANDS; band++) this.#levels[at + band] = NOTHING;
    }
  }

  /** The loudest level of a band in the 30 ms from `step` on, in dBov. */
  loudestDbov(band: number, step: number): number {
    if (step >= this.#endStep || step < this.#endStep - this.#steps) return UNANNOUNCED_DBOV;
    return this.#levels[this.#slot(step) + band]! / UNITS_PER_DB + UNANNOUNCED_DBOV;
  }

  /**
   * Writes to `out[n]` the loudest level of a band from `step − n · apart` on: cheaper than single
   * reads.
   */
  readBack(band: number, step: number, apart: number, out: Float32Array): void {
    const back = apart * ENVELOPE_BANDS;
    const end = this.#endStep;
    const oldest = end - this.#steps;
    let at = this.#slot(step);
    for (let n = 0; n < out.length; n++) {
      const known = step < end && step >= oldest;
      out[n] = (known ? this.#levels[at + band]! : NOTHING) / UNITS_PER_DB + UNANNOUNCED_DBOV;
      step -= apart;
      at = at < back ? at - back + this.#levels.length : at - back;
    }
  }

  /**
   * Raises each band of `out` to the loudest level over several delays. Delay n adds `addDb[n]`,
   * and `share[n]` of `bandDb[band]`, to what is played from step `step − n · apart` on. A delay
   * with an addDb of −Infinity is left out.
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
    const oldest = end - this.#steps;
    for (let n = 0; n < addDb.length; n++, step -= apart) {
      if (addDb[n] === Number.NEGATIVE_INFINITY || step >= end || step < oldest) continue;
      const at = this.#slot(step);
      const plusDb = addDb[n]! + UNANNOUNCED_DBOV;
      const shared = share[n]!;
      for (let band = 0; band < out.length; band++) {
        const level = this.#levels[at + band]! / UNITS_PER_DB + plusDb + shared * bandDb[band]!;
        if (level > out[band]!) out[band] = level;
      }
    }
  }

  /** True: something was sent to the phone for the 30 ms from this step on; silence counts. */
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

function wholeSteps(start: number, end: number): number {
  return Math.min(MAX_STEPS, Math.floor((end - start) / STEP_BYTES));
}
