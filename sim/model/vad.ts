/**
 * Server VAD by energy, over the audio really received. It counts time in that audio, 20 ms a
 * window, not by the wall clock.
 */
import { BYTES_PER_MS, levelDbov } from "../audio/mulaw.js";

export interface VadSettings {
  /** 0 to 1. At 0.5, speech is what is louder than -40 dBov; 0.1 more moves that up by 4 dB. */
  readonly threshold: number;
  readonly prefixPaddingMs: number;
  readonly silenceDurationMs: number;
}

export interface VadEvents {
  /** Ms of all audio appended, padding taken off. */
  started(audioStartMs: number): void;
  /** Includes the silence that ended the turn. */
  stopped(audioEndMs: number): void;
}

export const WINDOW_MS = 20;
const WINDOW_BYTES = WINDOW_MS * BYTES_PER_MS;
/** Loud windows in a row before speech counts, so that a click does not. */
const ONSET_WINDOWS = 3;

export class EnergyVad {
  #settings: VadSettings;
  readonly #events: VadEvents;
  readonly #window = new Uint8Array(WINDOW_BYTES);
  #fillBytes = 0;
  #windows = 0;
  #loudRun = 0;
  #quietRun = 0;
  #speaking = false;

  constructor(settings: VadSettings, events: VadEvents) {
    this.#settings = settings;
    this.#events = events;
  }

  get speaking(): boolean {
    return this.#speaking;
  }

  configure(settings: VadSettings): void {
    this.#settings = settings;
  }

  push(bytes: Uint8Array): void {
    let at = 0;
    if (this.#fillBytes > 0) {
      at = Math.min(WINDOW_BYTES - this.#fillBytes, bytes.length);
      this.#window.set(bytes.subarray(0, at), this.#fillBytes);
      this.#fillBytes += at;
      if (this.#fillBytes < WINDOW_BYTES) return;
      this.#fillBytes = 0;
      this.#judge(levelDbov(this.#window));
    }
    for (; at + WINDOW_BYTES <= bytes.length; at += WINDOW_BYTES)
      this.#judge(levelDbov(bytes, at, at + WINDOW_BYTES));
    if (at < bytes.length) {
      this.#window.set(bytes.subarray(at), 0);
      this.#fillBytes = bytes.length - at;
    }
  }

  #judge(level: number): void {
    const nowMs = ++this.#windows * WINDOW_MS;
    const loud = level >= -60 + 40 * this.#settings.threshold;
    if (!this.#speaking) {
      this.#loudRun = loud ? this.#loudRun + 1 : 0;
      if (this.#loudRun < ONSET_WINDOWS) return;
      this.#speaking = true;
      this.#quietRun = 0;
      this.#events.started(
        Math.max(0, nowMs - ONSET_WINDOWS * WINDOW_MS - this.#settings.prefixPaddingMs),
      );
      return;
    }
    this.#quietRun = loud ? 0 : this.#quietRun + 1;
    if (this.#quietRun * WINDOW_MS < this.#settings.silenceDurationMs) return;
    this.#speaking = false;
    this.#loudRun = 0;
    this.#events.stopped(nowMs);
  }
}
