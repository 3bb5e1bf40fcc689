import { FRAME_MS } from "../codec/frame.js";
import { EchoPath, MOST_DELAY_MS } from "./echo-path.js";
import { ENVELOPE_BANDS, envelope, WHOLE_BAND } from "./envelope.js";
import { PlayedEnvelope, STEP_MS } from "./played-envelope.js";

/** What was on its way when the playout was cleared still sounds. */
const CLEAR_TAKES_MS = 60;
/** A band speaks for the caller by what it has over the expected echo and this … */
const OVER_ECHO_DB = 1.4;
/** … and over the noise floor and this: a VAD that lingers after a word says speech where noise is left. */
const OVER_NOISE_DB = 10;
/** No band counts for more. */
const MOST_PER_BAND_DB = 12;
/** Over all bands together. Found with the other constants on one half of the recordings (docs/vad.md). */
const NEAR_DB = 10;
const FLOOR_RISE_DB = 0.05;
const FLOOR_FALL = 0.3;
/** The caller's frames come in their own beat; arrivals are late by chance, early only when the beat was late. */
const BEAT_CATCH_UP = 0.02;
const BEAT_LOST_MS = 200;

// Of the frame at hand, whichever call it is of.
const levels = new Float32Array(ENVELOPE_BANDS);
const expected = new Float32Array(WHOLE_BAND);

/**
 * Is what the caller's line brings just our own playout coming back? We know what the phone plays, and when, to about 60 ms; from that
 * and from what it brought before (see EchoPath) follows how loud an echo can be in each band. What is louder is the caller.
 *
 * An echo louder than −14 dB of what was played, or later than 560 ms, is taken for the caller. Times are ms of the call's clock.
 * Below 4 KB a call; allocates nothing.
 */
export class EchoGate {
  readonly #played = new PlayedEnvelope();
  readonly #path = new EchoPath(this.#played);
  /** By band, in dBov. */
  readonly #floorDbov = new Float32Array(WHOLE_BAND);
  #floorKnown = false;
  /** When the last frame ended, by the caller's own beat. */
  #beatMs = Number.NaN;

  /** The caller will hear `ulaw[start, end)` from `playsAtMs` on. Only its envelope is kept. */
  played(ulaw: Uint8Array, start: number, end: number, playsAtMs: number): void {
    this.#played.played(ulaw, start, end, playsAtMs);
  }

  /** Playout was cleared at `nowMs`: what was announced for later never sounds. */
  cleared(nowMs: number): void {
    this.#played.cleared(nowMs + CLEAR_TAKES_MS);
  }

  /**
   * The next 20 ms of the caller, 160 bytes of `ulaw` from `start`, arriving at `nowMs`.
   *
   * @param vadSpeech  the VAD's verdict on it
   * @returns          true: speech of the caller; false: silence, noise or only echo.
   */
  frame(ulaw: Uint8Array, start: number, vadSpeech: boolean, nowMs: number): boolean {
    this.#followBeat(nowMs);
    const beganStep = Math.floor((this.#beatMs - FRAME_MS) / STEP_MS);
    if (this.#played.endsBefore(beganStep - MOST_DELAY_MS / STEP_MS)) return vadSpeech;
    envelope(ulaw, start, FRAME_MS / STEP_MS, levels);
    this.#followFloor();
    if (!this.#path.turnTo(beganStep)) return vadSpeech;
    const near = vadSpeech && this.#isNear();
    if (!near) this.#path.learn(levels, vadSpeech);
    return near;
  }

  /** A frame that is too quiet to hold speech or echo, and teaches nothing that its neighbours do not. */
  rest(nowMs: number): void {
    this.#followBeat(nowMs);
  }

  #followBeat(nowMs: number): void {
    const late = nowMs - (this.#beatMs + FRAME_MS);
    if (late >= 0 && late < BEAT_LOST_MS) this.#beatMs += FRAME_MS + BEAT_CATCH_UP * late;
    else this.#beatMs = nowMs;
  }

  #followFloor(): void {
    for (let band = 0; band < WHOLE_BAND; band++) {
      const over = levels[band]! - this.#floorDbov[band]!;
      const step = over < 0 ? FLOOR_FALL * over : Math.min(FLOOR_RISE_DB, FLOOR_FALL * over);
      this.#floorDbov[band] = this.#floorKnown ? this.#floorDbov[band]! + step : levels[band]!;
    }
    this.#floorKnown = true;
  }

  #isNear(): boolean {
    this.#path.expect(expected);
    let over = 0;
    for (let band = 0; band < WHOLE_BAND; band++) {
      const explained = Math.max(
        expected[band]! + OVER_ECHO_DB,
        this.#floorDbov[band]! + OVER_NOISE_DB,
      );
      over += Math.max(0, Math.min(MOST_PER_BAND_DB, levels[band]! - explained));
    }
    return over > NEAR_DB;
  }

  /** Another line: nothing of the former is true of it. */
  reset(): void {
    this.#played.reset();
    this.#path.reset();
    this.#floorKnown = false;
    this.#beatMs = Number.NaN;
  }
}
