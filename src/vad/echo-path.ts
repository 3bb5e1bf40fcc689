import { WHOLE_BAND } from "./envelope.js";
import { type PlayedEnvelope, STEP_MS } from "./played-envelope.js";

/** Echoes of 0 to 560 ms, with an error of the phone's clock of 60 ms to either side. */
const MIN_DELAY_MS = -60;
export const MAX_DELAY_MS = 620;
/** The echo of playout below this level is covered by the noise of the line. */
const NO_ECHO_DBOV = -60;
/** Distance between two delays. */
const GRID_MS = 20;
const STEPS_APART = GRID_MS / STEP_MS;
const DELAYS = (MAX_DELAY_MS - MIN_DELAY_MS) / GRID_MS + 1;

/**
 * Coupling is the level of the echo over that of playout, in dB. This is assumed before anything is
 * known, and louder sound is never taken for echo.
 */
const PRIOR_DB = -14;
/** After so many frames the observed coupling counts as much as the prior. */
const PRIOR_FRAMES = 12;
const START_DB = -22;
/** In dB squared. High enough that a delay must fit clearly better than chance to be preferred. */
const START_VARIANCE = 68;
/** Frames over which coupling is learnt: a second of loud playout. Moving a phone changes it. */
const MEMORY_FRAMES = 50;
/** Weight of a frame, by the number of frames before it. */
const RATE = Float64Array.from({ length: MEMORY_FRAMES + 1 }, (_, frames) => 1 / (frames + 2));
/**
 * Only playout within this of the recent peak shows coupling; the rest shows the noise of the line.
 */
const LOUD_DB = 22;
/** The recent peak falls by 2.5 dB a second. */
const PEAK_FALL_DB = 0.05;
/**
 * Limits of what one frame can change. Upwards it is small, because a caller looks like louder
 * echo.
 */
const MAX_UP_DB = 5;
const MAX_DOWN_DB = 25;
/** A delay is plausible if it fits about as well as the best one. */
const PLAUSIBLE_FACTOR = 1.9;
const PLAUSIBLE_OVER = 2;
/** The expected echo is the mean and so many standard deviations. */
const DEVIATIONS = 0.64;
/**
 * In a new run of playout the echo may have another delay: each of two runs is off by up to 60 ms,
 * and a margin.
 */
const RUN_SPREAD = 200 / GRID_MS;
const RUN_FRAMES = 8;
/** Steps without announced audio that separate two runs. */
const RUN_GAP_STEPS = 10;
/**
 * Coupling of a band over that of the whole band. A phone does not play all bands alike. The upper
 * quantile is found in small steps.
 */
const TILT_UP_DB = 0.2;
const TILT_DOWN_DB = 0.1;
const MIN_TILT_DB = -6;
const MAX_TILT_DB = 4;

// Shared by all calls: one frame is processed at a time.
const playedDbov = new Float32Array(DELAYS);
const addDb = new Float32Array(DELAYS);
const share = new Float32Array(DELAYS);

/**
 * Learns the echo of one line. For every delay it keeps the mean coupling and its variance from
 * frame to frame. At the true delay the variance is small; at other delays it is as large as that
 * of speech. On a line without echo the coupling is very low at all delays.
 */
export class EchoPath {
  readonly #played: PlayedEnvelope;
  readonly #couplingDb: Float32Array;
  readonly #variance: Float32Array;
  readonly #frames: Uint8Array;
  readonly #tiltDb: Float32Array;
  /** The step that the present frame began in, for an echo of the least delay. */
  #newest = 0;
  /** The delay with the least variance. */
  #best = 0;
  /** Recent peak of playout. */
  #peakDbov = Number.NEGATIVE_INFINITY;
  /** The latest step that was checked for a new run, and the number of empty steps before it. */
  #watchedStep = 0;
  #emptySteps = RUN_GAP_STEPS;

  constructor(played: PlayedEnvelope) {
    this.#played = played;
    // One piece of memory for the four of them.
    const memory = new ArrayBuffer(4 * (2 * DELAYS + WHOLE_BAND) + DELAYS);
    this.#couplingDb = new Float32Array(memory, 0, DELAYS);
    this.#variance = new Float32Array(memory, 4 * DELAYS, DELAYS);
    this.#tiltDb = new Float32Array(memory, 8 * DELAYS, WHOLE_BAND);
    this.#frames = new Uint8Array(memory, 4 * (2 * DELAYS + WHOLE_BAND), DELAYS);
    this.reset();
  }

  /**
   * Selects the uplink frame that began in this step of the call's clock, for the other methods.
   *
   * @returns false: nothing was played that could have an echo above the noise of the line.
   */
  turnTo(beganStep: number): boolean {
    this.#newest = beganStep - MIN_DELAY_MS / STEP_MS;
    this.#watchRuns(this.#newest);
    this.#played.readBack(WHOLE_BAND, this.#newest, STEPS_APART, playedDbov);
    for (let delay = 0; delay < DELAYS; delay++)
      if (playedDbov[delay]! >= NO_ECHO_DBOV) return true;
    return false;
  }

  #watchRuns(step: number): void {
    const moved = Math.max(0, Math.min(RUN_GAP_STEPS, step - this.#watchedStep));
    this.#watchedStep = step;
    if (this.#played.announced(step)) {
      if (this.#emptySteps >= RUN_GAP_STEPS) this.#beginRun();
      this.#emptySteps = 0;
    } else this.#emptySteps = Math.min(RUN_GAP_STEPS, this.#emptySteps + moved);
  }

  /** The coupling stays, and the delay is known only roughly. */
  #beginRun(): void {
    const best = this.#best;
    if (this.#frames[best]! < RUN_FRAMES) return;
    const last = Math.min(DELAYS - 1, best + RUN_SPREAD);
    for (let delay = Math.max(0, best - RUN_SPREAD); delay <= last; delay++) {
      this.#couplingDb[delay] = this.#couplingDb[best]!;
      this.#variance[delay] = this.#variance[best]!;
    }
    for (let delay = 0; delay < DELAYS; delay++)
      this.#frames[delay] = Math.min(this.#frames[delay]!, RUN_FRAMES);
  }

  /** Writes to `out` the expected level of echo in each band over all plausible delays, in dBov. */
  expect(out: Float32Array): void {
    const plausible = PLAUSIBLE_FACTOR * this.#variance[this.#best]! + PLAUSIBLE_OVER;
    for (let band = 0; band < WHOLE_BAND; band++) out[band] = Number.NEGATIVE_INFINITY;
    for (let delay = 0; delay < DELAYS; delay++) {
      const variance = this.#variance[delay]!;
      addDb[delay] = Number.NEGATIVE_INFINITY;
      if (variance > plausible) continue;
      const frames = this.#frames[delay]!;
      const trust = frames / (frames + PRIOR_FRAMES);
      const seenDb = this.#couplingDb[delay]! + DEVIATIONS * Math.sqrt(variance);
      addDb[delay] = PRIOR_DB + trust * Math.min(0, seenDb - PRIOR_DB);
      share[delay] = trust;
    }
    this.#played.raise(this.#newest, STEPS_APART, addDb, share, this.#tiltDb, out);
  }

  /**
   * Learns from a frame without speech of the caller: it holds at most the echo of playout.
   *
   * @param levels  the frame's ENVELOPE_BANDS levels, in dBov
   * @param sounds  true: it is louder than the noise of the line
   */
  learn(levels: Float32Array, sounds: boolean): void {
    for (let delay = 0; delay < DELAYS; delay++)
      this.#peakDbov = Math.max(this.#peakDbov, playedDbov[delay]!);
    const loud = this.#peakDbov - LOUD_DB;
    for (let delay = 0; delay < DELAYS; delay++) {
      const level = playedDbov[delay]!;
      if (level < loud) continue;
      const frames = Math.min(this.#frames[delay]! + 1, MEMORY_FRAMES);
      const off = levels[WHOLE_BAND]! - level - this.#couplingDb[delay]!;
      const taught = Math.max(-MAX_DOWN_DB, Math.min(MAX_UP_DB, off));
      const rate = RATE[frames]!;
      this.#couplingDb[delay] = Math.min(PRIOR_DB, this.#couplingDb[delay]! + rate * taught);
      this.#variance[delay] =
        this.#variance[delay]! + rate * (taught * taught - this.#variance[delay]!);
      this.#frames[delay] = frames;
    }
    this.#findBest();
    if (sounds) this.#learnTilt(levels, loud);
    this.#peakDbov -= PEAK_FALL_DB;
  }

  #learnTilt(levels: Float32Array, loud: number): void {
    const best = this.#best;
    if (this.#frames[best]! < RUN_FRAMES || playedDbov[best]! < loud) return;
    const step = this.#newest - best * STEPS_APART;
    for (let band = 0; band < WHOLE_BAND; band++) {
      const expected =
        this.#played.loudestDbov(band, step) + this.#couplingDb[best]! + this.#tiltDb[band]!;
      const tilt = this.#tiltDb[band]! + (levels[band]! > expected ? TILT_UP_DB : -TILT_DOWN_DB);
      this.#tiltDb[band] = Math.max(MIN_TILT_DB, Math.min(MAX_TILT_DB, tilt));
    }
  }

  #findBest(): void {
    let best = 0;
    for (let delay = 1; delay < DELAYS; delay++)
      if (this.#variance[delay]! < this.#variance[best]!) best = delay;
    this.#best = best;
  }

  reset(): void {
    this.#best = 0;
    this.#couplingDb.fill(START_DB);
    this.#variance.fill(START_VARIANCE);
    this.#frames.fill(0);
    this.#tiltDb.fill(0);
    this.#peakDbov = Number.NEGATIVE_INFINITY;
    this.#watchedStep = 0;
    this.#emptySteps = RUN_GAP_STEPS;
  }
}
