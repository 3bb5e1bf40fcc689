import { FRAME_MS } from "../codec/frame.js";
import { EchoPath, MAX_DELAY_MS } from "./echo-path.js";
import { ENVELOPE_BANDS, envelope, WHOLE_BAND } from "./envelope.js";
import { PlayedEnvelope, STEP_MS } from "./played-envelope.js";

/** Sound that was on its way when playout was cleared is still heard. */
const CLEAR_TAKES_MS = 60;
/** What a band has over the expected echo and this margin counts for the caller, … */
const OVER_ECHO_DB = 1.4;
/** … and over the noise floor and this margin: after a word the VAD reports speech for a while. */
const OVER_NOISE_DB = 10;
/** No band counts for more than this. */
const MAX_PER_BAND_DB = 12;
/**
 * The caller speaks above this sum over all bands. Fitted to one half of the recordings
 * (docs/vad.md).
 */
const NEAR_DB = 10;
const FLOOR_RISE_DB = 0.05;
const FLOOR_FALL = 0.3;
/**
 * The time of the caller's frames advances by 20 ms each and follows late arrivals slowly, because
 * they are mostly late by chance. After a gap this long it is set anew.
 */
const CATCH_UP_SHARE = 0.02;
const GAP_MS = 200;

// Shared by all calls: one frame is processed at a time.
const levels = new Float32Array(ENVELOPE_BANDS);
const expected = new Float32Array(WHOLE_BAND);

/**
 * Decides whether the sound on the caller's line is only the echo of playout. The relay knows what
 * the phone plays, and when to about 60 ms. From that and from earlier echoes (see EchoPath)
 * follows how loud an echo can be in each band. What is louder is the caller.
 *
 * An echo louder than −14 dB of what was played, or later than 560 ms, is taken for the caller.
 * Times are ms of the call's clock. Uses less than 4 KB per call; allocates nothing.
 */
export class EchoGate {
  readonly #played: PlayedEnvelope;
  readonly #path: EchoPath;
  /** By band, in dBov. */
  readonly #floorDbov = new Float32Array(WHOLE_BAND);
  #floorKnown = false;
  /** When the last frame ended. */
  #frameEndMs = Number.NaN;

  /** @param maxAheadMs  how long before it is played audio is announced; default: 5 s. */
  constructor(maxAheadMs?: number) {
    this.#played = new PlayedEnvelope(maxAheadMs);
    this.#path = new EchoPath(this.#played);
  }

  /** The echo of `ulaw[start, end)` may come from `playsAtMs` on. Only its envelope is kept. */
  played(ulaw: Uint8Array, start: number, end: number, playsAtMs: number): void {
    this.#played.played(ulaw, start, end, playsAtMs);
  }

  /** Playout ends at `nowMs`: what was announced for later is never played. */
  cleared(nowMs: number): void {
    this.#played.cleared(nowMs + CLEAR_TAKES_MS);
  }

  /**
   * The next 20 ms of the caller, 160 bytes of `ulaw` from `start`, arriving at `nowMs`.
   *
   * @param vadSpeech  whether the VAD takes it for speech
   * @param leftOut    frames before it that were too quiet for speech or echo, and were not given
   * @returns          true: speech of the caller; false: silence, noise or only echo.
   */
  frame(ulaw: Uint8Array, start: number, vadSpeech: boolean, nowMs: number, leftOut = 0): boolean {
    this.#followFrames(nowMs, leftOut + 1);
    const beganStep = Math.floor((this.#frameEndMs - FRAME_MS) / STEP_MS);
    if (this.#played.endsBefore(beganStep - MAX_DELAY_MS / STEP_MS)) return vadSpeech;
    envelope(ulaw, start, FRAME_MS / STEP_MS, levels);
    this.#followFloor();
    if (!this.#path.turnTo(beganStep)) return vadSpeech;
    const near = vadSpeech && this.#isNear();
    if (!near) this.#path.learn(levels, vadSpeech);
    return near;
  }

  #followFrames(nowMs: number, frames: number): void {
    const late = nowMs - (this.#frameEndMs + frames * FRAME_MS);
    if (late >= 0 && late < GAP_MS) this.#frameEndMs += frames * (FRAME_MS + CATCH_UP_SHARE * late);
    else this.#frameEndMs = nowMs;
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
      over += Math.max(0, Math.min(MAX_PER_BAND_DB, levels[band]! - explained));
    }
    return over > NEAR_DB;
  }

  /** Another line begins: forgets everything about the former one. */
  reset(): void {
    this.#played.reset();
    this.#path.reset();
    this.#floorKnown = false;
    this.#frameEndMs = Number.NaN;
  }
}
