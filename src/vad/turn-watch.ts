import type { ThresholdTuner } from "./threshold-tuner.js";

/** A caller who goes on so soon had not finished. */
const RESUMED_MS = 1_500;
/** The server's word comes so much after our own ear's, at most. */
const SERVER_LAG_MS = 700;
/** Speech this long is more than a back-channel ("uh-huh"): a server that misses it misses words. */
const WORDS_MS = 600;
/** The server is still in a turn although nobody has spoken for so long: noise keeps it there. */
const STUCK_MS = 2_500;

/**
 * Two ears on one line: holds what our own hears against what the server says, and tells the tuner where they differ. All times
 * are ms of the call's audio.
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

  /** Nobody is in the middle of something: settings may change. */
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
    if (!heard) this.#tuner.heardNothing();
    else if (!this.#speaking && !this.#stuckTold)
      this.#tuner.turnEnded(atMs - this.#stoppedMs - silenceDurationMs);
  }

  agentSpoke(atMs: number): void {
    this.#agentSpokeMs = atMs;
  }

  /** The server has new settings: whether they help shows anew. */
  settingsChanged(atMs: number): void {
    this.#changedMs = atMs;
    this.#stuckTold = false;
  }

  /** Now and then: is the server held in a turn by noise? */
  look(atMs: number, silenceDurationMs: number): void {
    if (!this.#serverIn || this.#speaking || this.#stuckTold) return;
    const quietMs = atMs - Math.max(this.#stoppedMs, this.#serverStartedMs);
    if (quietMs < STUCK_MS + silenceDurationMs) return;
    // What was changed in the meantime has had its chance.
    if (atMs - this.#changedMs < silenceDurationMs + SERVER_LAG_MS) return;
    this.#stuckTold = true;
    this.#tuner.turnEnded(quietMs - silenceDurationMs);
    // Whoever waits this long waits for nothing: once is enough to act.
    this.#tuner.turnEnded(quietMs - silenceDurationMs);
  }
}
