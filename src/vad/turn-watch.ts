import type { ThresholdTuner } from "./threshold-tuner.js";

/** A caller who goes on within this had not finished. */
const RESUMED_MS = 1_500;
/** The server reports speech at most this much later than the relay's own voice detection. */
const SERVER_LAG_MS = 700;
/**
 * Speech this long is more than a back-channel ("uh-huh"): a server that misses it misses words.
 */
const WORDS_MS = 600;
/** When a turn goes on for so long without speech, noise keeps it open. */
const STUCK_MS = 2_500;

/**
 * Compares the relay's own voice detection with the server's turns, and tells the tuner where they
 * differ. All times are ms of the call's audio.
 */
export class TurnWatch {
  readonly #tuner: ThresholdTuner;
  #speaking = false;
  #startedMs = Number.NEGATIVE_INFINITY;
  #stoppedMs = Number.NEGATIVE_INFINITY;
  #serverIn = false;
  #serverStartedMs = Number.NEGATIVE_INFINITY;
  #serverStoppedMs = Number.NEGATIVE_INFINITY;
  #agentSpokeMs = Number.NEGATIVE_INFINITY;
  #stuckTold = false;
  #changedMs = Number.NEGATIVE_INFINITY;

  constructor(tuner: ThresholdTuner) {
    this.#tuner = tuner;
  }

  /** True: neither detector is in a turn, so settings may change. */
  get betweenTurns(): boolean {
    return !this.#speaking && (!this.#serverIn || this.#stuckTold);
  }

  localStarted(startedMs: number): void {
    this.#speaking = true;
    const pauseMs = startedMs - this.#stoppedMs;
    const cutOff =
      startedMs - this.#serverStoppedMs < RESUMED_MS && this.#agentSpokeMs < this.#serverStoppedMs;
    if (pauseMs < RESUMED_MS && (this.#serverIn || cutOff)) this.#tuner.callerPaused(pauseMs);
    this.#startedMs = startedMs;
  }

  localStopped(stoppedMs: number): void {
    this.#speaking = false;
    this.#stoppedMs = stoppedMs;
    const lengthMs = stoppedMs - this.#startedMs;
    const serverHeard = this.#serverIn || this.#serverStoppedMs > this.#startedMs;
    if (lengthMs >= WORDS_MS && !serverHeard) this.#tuner.missed();
  }

  serverStarted(atMs: number): void {
    this.#serverIn = true;
    this.#stuckTold = false;
    this.#serverStartedMs = atMs;
  }

  /** @param silenceDurationMs  the setting in force. */
  serverStopped(atMs: number, silenceDurationMs: number): void {
    if (!this.#serverIn) return;
    this.#serverIn = false;
    this.#serverStoppedMs = atMs;
    const heard = this.#speaking || this.#stoppedMs > this.#serverStartedMs - SERVER_LAG_MS;
    if (!heard) this.#tuner.falseTurn();
    else if (!this.#speaking && !this.#stuckTold)
      this.#tuner.turnEnded(atMs - this.#stoppedMs - silenceDurationMs);
  }

  agentSpoke(atMs: number): void {
    this.#agentSpokeMs = atMs;
  }

  /** The server has new settings. Their effect is observed from now on. */
  settingsChanged(atMs: number): void {
    this.#changedMs = atMs;
    this.#stuckTold = false;
  }

  /** To be called now and then: finds out whether noise holds the server in a turn. */
  check(atMs: number, silenceDurationMs: number): void {
    if (!this.#serverIn || this.#speaking || this.#stuckTold) return;
    const quietMs = atMs - Math.max(this.#stoppedMs, this.#serverStartedMs);
    if (quietMs < STUCK_MS + silenceDurationMs) return;
    // New settings are given time to take effect.
    if (atMs - this.#changedMs < silenceDurationMs + SERVER_LAG_MS) return;
    this.#stuckTold = true;
    this.#tuner.turnEnded(quietMs - silenceDurationMs);
    // It counts twice: one turn that is held open for so long is reason enough to act.
    this.#tuner.turnEnded(quietMs - silenceDurationMs);
  }
}
