/** What of `server_vad` can be fitted to a line. */
export interface ServerVadSettings {
  /** 0–1; higher wants louder speech. */
  readonly threshold: number;
  readonly prefixPaddingMs: number;
  readonly silenceDurationMs: number;
}

export interface TunerBounds {
  readonly threshold: readonly [number, number];
  readonly prefixPaddingMs: readonly [number, number];
  readonly silenceDurationMs: readonly [number, number];
}

/** Outside of these a server VAD hears nothing, or everything, or answers no caller in time. */
export const TUNER_BOUNDS: TunerBounds = {
  threshold: [0.3, 0.85],
  prefixPaddingMs: [300, 500],
  silenceDurationMs: [350, 900],
};

/** Proposals in one call: each is a message, and settings that never rest are worse than any. */
export const MOST_PROPOSALS = 8;
const SPACING_MS = 1_000;
const THRESHOLD_STEP = 0.1;
/** Signs in the same direction before the threshold moves; to turn back it takes as many more. */
const SIGNS = 2;
/** The end of a turn that comes so late was kept from us by noise. */
const LATE_MS = 450;
const PAUSES_KEPT = 16;
const PAUSES_NEEDED = 3;
/** A caller's longer pauses, and this much more, do not end their turn. */
const PAUSE_QUANTILE = 0.9;
const PAUSE_SPARE_MS = 120;
const SILENCE_STEP_MS = 50;
const SILENCE_WORTHWHILE_MS = 100;
/** What is quieter over the line's noise begins late for the server: more of its beginning is kept. */
const CLOSE_DB = 12;

/**
 * Fits `server_vad` to one line, by what the server made of turns that our own ear heard too. It knows nothing of how the server
 * hears: a turn that began without speech, or ended late, wants a higher threshold; speech that the server missed a lower one; the
 * caller's own pauses say how long a silence ends a turn. Pure; times are ms.
 */
export class ThresholdTuner {
  readonly #bounds: TunerBounds;
  #settings: ServerVadSettings;
  /** Positive: signs for a higher threshold. */
  #signs = 0;
  #direction: 1 | -1 | 0 = 0;
  /** The threshold at which the last sign for a higher one was seen: below it nothing is gained. */
  #tooLow = Number.NEGATIVE_INFINITY;
  readonly #pauses: number[] = [];
  #marginDb = Number.POSITIVE_INFINITY;
  #proposals = 0;
  #proposedMs = Number.NEGATIVE_INFINITY;

  constructor(initial: ServerVadSettings, bounds: TunerBounds = TUNER_BOUNDS) {
    this.#settings = initial;
    this.#bounds = bounds;
  }

  get settings(): ServerVadSettings {
    return this.#settings;
  }

  /** The caller was silent for so long inside of what was one turn. */
  callerPaused(pauseMs: number): void {
    this.#pauses.push(pauseMs);
    if (this.#pauses.length > PAUSES_KEPT) this.#pauses.shift();
  }

  /** The server heard a turn in which nobody spoke. */
  heardNothing(): void {
    this.#sign(1);
  }

  /** The caller spoke, and the server heard none of it. */
  missed(): void {
    this.#sign(-1);
  }

  /** The server noticed the end of a turn so much later than its silence duration says. */
  turnEnded(lateMs: number): void {
    if (lateMs > LATE_MS) this.#sign(1);
    else if (this.#signs > 0) this.#signs--;
  }

  /** Levels on the line, in dBov. */
  lineMeasured(noiseFloorDbov: number, speechLevelDbov: number): void {
    this.#marginDb = speechLevelDbov - noiseFloorDbov;
  }

  #sign(direction: 1 | -1): void {
    if (direction > 0) this.#tooLow = this.#settings.threshold;
    // A sign against the others takes one of them away first.
    this.#signs = Math.max(-2 * SIGNS, Math.min(2 * SIGNS, this.#signs + direction));
  }

  /** Between turns: what to set now; null when nothing is worth a change. */
  propose(nowMs: number): ServerVadSettings | null {
    if (this.#proposals >= MOST_PROPOSALS || nowMs - this.#proposedMs < SPACING_MS) return null;
    const next: ServerVadSettings = {
      threshold: this.#threshold(),
      silenceDurationMs: this.#silence(),
      prefixPaddingMs: this.#prefix(),
    };
    const { threshold, silenceDurationMs, prefixPaddingMs } = this.#settings;
    if (
      next.threshold === threshold &&
      next.silenceDurationMs === silenceDurationMs &&
      next.prefixPaddingMs === prefixPaddingMs
    )
      return null;
    if (next.threshold !== threshold) {
      this.#direction = next.threshold > threshold ? 1 : -1;
      this.#signs = 0;
    }
    this.#settings = next;
    this.#proposals++;
    this.#proposedMs = nowMs;
    return next;
  }

  #threshold(): number {
    const { threshold } = this.#settings;
    const direction = Math.sign(this.#signs);
    if (direction === 0) return threshold;
    const turnsBack = this.#direction !== 0 && direction !== this.#direction;
    if (Math.abs(this.#signs) < (turnsBack ? 2 * SIGNS : SIGNS)) return threshold;
    const [least, most] = this.#bounds.threshold;
    const stepped = Math.round((threshold + direction * THRESHOLD_STEP) * 100) / 100;
    const next = Math.max(least, Math.min(most, stepped));
    // There it was too low already: back and forth would never end.
    return direction < 0 && next <= this.#tooLow ? threshold : next;
  }

  #silence(): number {
    const { silenceDurationMs } = this.#settings;
    if (this.#pauses.length < PAUSES_NEEDED) return silenceDurationMs;
    const sorted = [...this.#pauses].sort((a, b) => a - b);
    const long =
      sorted[Math.min(sorted.length - 1, Math.floor(PAUSE_QUANTILE * sorted.length))] ?? 0;
    const [least, most] = this.#bounds.silenceDurationMs;
    const wanted = Math.round((long + PAUSE_SPARE_MS) / SILENCE_STEP_MS) * SILENCE_STEP_MS;
    const bounded = Math.max(least, Math.min(most, wanted));
    // Shorter only once it is certain: a turn that is cut off costs more than a moment's wait.
    const shorter = bounded < silenceDurationMs;
    if (shorter && this.#pauses.length < PAUSES_KEPT / 2) return silenceDurationMs;
    return Math.abs(bounded - silenceDurationMs) < SILENCE_WORTHWHILE_MS
      ? silenceDurationMs
      : bounded;
  }

  #prefix(): number {
    const [least, most] = this.#bounds.prefixPaddingMs;
    const { prefixPaddingMs } = this.#settings;
    if (this.#marginDb < CLOSE_DB) return Math.max(prefixPaddingMs, Math.min(most, 400));
    return Math.max(prefixPaddingMs, least);
  }
}
