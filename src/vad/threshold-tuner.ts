/** The settings of `server_vad` that are fitted to a line. */
export interface ServerVadSettings {
  /** 0–1; a higher threshold needs louder speech. */
  readonly threshold: number;
  readonly prefixPaddingMs: number;
  readonly silenceDurationMs: number;
}

export interface TunerBounds {
  readonly threshold: readonly [number, number];
  readonly prefixPaddingMs: readonly [number, number];
  readonly silenceDurationMs: readonly [number, number];
}

/** Outside these bounds a server VAD detects nothing, or everything, or answers too late. */
export const TUNER_BOUNDS: TunerBounds = {
  threshold: [0.3, 0.85],
  prefixPaddingMs: [300, 500],
  silenceDurationMs: [350, 900],
};

/**
 * Most proposals in one call. Each is a message, and settings that keep changing are worse than
 * any.
 */
export const MAX_PROPOSALS = 8;
const SPACING_MS = 1_000;
const THRESHOLD_STEP = 0.1;
/** Signs in one direction that move the threshold; to move it back takes twice as many. */
const SIGNS = 2;
/** When the server ends a turn later than this, noise has delayed it. */
const LATE_MS = 450;
const PAUSES_KEPT = 16;
const PAUSES_NEEDED = 3;
/** The silence that ends a turn is this quantile of the caller's pauses, and a margin. */
const PAUSE_QUANTILE = 0.9;
const PAUSE_MARGIN_MS = 120;
const SILENCE_STEP_MS = 50;
const SILENCE_WORTHWHILE_MS = 100;
/**
 * Speech that is less than this over the noise is detected late, so more audio before it is kept.
 */
const CLOSE_DB = 12;

/**
 * Fits `server_vad` to one line by comparing the server's turns with the relay's own voice
 * detection. A turn that began without speech, or ended late, needs a higher threshold. Speech that
 * the server missed needs a lower one. The caller's own pauses tell how long a silence ends a turn.
 * Pure; times are ms.
 */
export class ThresholdTuner {
  readonly #bounds: TunerBounds;
  #settings: ServerVadSettings;
  /** Positive: signs for a higher threshold. */
  #signs = 0;
  #direction: 1 | -1 | 0 = 0;
  /** The threshold at the last sign for a higher one: this and anything lower is too low. */
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

  /** The caller was silent for so long within one turn. */
  callerPaused(pauseMs: number): void {
    this.#pauses.push(pauseMs);
    if (this.#pauses.length > PAUSES_KEPT) this.#pauses.shift();
  }

  /** The server detected a turn without any speech. */
  falseTurn(): void {
    this.#sign(1);
  }

  /** The caller spoke and the server detected nothing. */
  missed(): void {
    this.#sign(-1);
  }

  /** The server ended a turn this much later than its silence duration. */
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
    // A sign in the other direction first cancels one of the others.
    this.#signs = Math.max(-2 * SIGNS, Math.min(2 * SIGNS, this.#signs + direction));
  }

  /** To be asked between turns. @returns the new settings; null when no change is worthwhile. */
  propose(nowMs: number): ServerVadSettings | null {
    if (this.#proposals >= MAX_PROPOSALS || nowMs - this.#proposedMs < SPACING_MS) return null;
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
    // That was too low before, and the threshold would go back and forth.
    return direction < 0 && next <= this.#tooLow ? threshold : next;
  }

  #silence(): number {
    const { silenceDurationMs } = this.#settings;
    if (this.#pauses.length < PAUSES_NEEDED) return silenceDurationMs;
    const sorted = [...this.#pauses].sort((a, b) => a - b);
    const long =
      sorted[Math.min(sorted.length - 1, Math.floor(PAUSE_QUANTILE * sorted.length))] ?? 0;
    const [least, most] = this.#bounds.silenceDurationMs;
    const wanted = Math.round((long + PAUSE_MARGIN_MS) / SILENCE_STEP_MS) * SILENCE_STEP_MS;
    const bounded = Math.max(least, Math.min(most, wanted));
    // Shorten only after enough pauses: cutting a caller off is worse than a short wait.
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
