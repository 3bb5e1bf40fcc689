import { WHOLE_BAND } from "./envelope.js";
import { type PlayedEnvelope, STEP_MS } from "./played-envelope.js";

/** Echoes of 0 to 560 ms, seen by a clock of the phone that is off by 60 ms to either side. */
const LEAST_DELAY_MS = -60;
export const MOST_DELAY_MS = 620;
/** What is played softer than this has no echo above a line's noise. */
const NO_ECHO_DBOV = -60;
/** Delays lie this far apart. */
const GRID_MS = 20;
const STEPS_APART = GRID_MS / STEP_MS;
const DELAYS = (MOST_DELAY_MS - LEAST_DELAY_MS) / GRID_MS + 1;

/** Coupling is echo over playout, in dB. Before anything is known it may be this much. Nothing louder is ever taken for echo. */
const PRIOR_DB = -14;
/** After so many frames what was seen counts as much as the prior. */
const PRIOR_FRAMES = 12;
const START_DB = -22;
/** Square of dB. High enough that one delay must fit visibly better than chance to be singled out. */
const START_VARIANCE = 68;
/** Frames over which coupling is learnt: a second of loud playout. It changes when a phone is moved. */
const MEMORY_FRAMES = 50;
/** What one frame counts, after so many. */
const RATE = Float64Array.from({ length: MEMORY_FRAMES + 1 }, (_, frames) => 1 / (frames + 2));
/** Only what is played within this of the loudest tells of coupling; under it the line's noise would. */
const LOUD_DB = 22;
/** How fast the loudest is forgotten: 2.5 dB a second. */
const PEAK_FALL_DB = 0.05;
/** One frame teaches no more than this: upwards little, for that is what a caller looks like. */
const MOST_UP_DB = 5;
const MOST_DOWN_DB = 25;
/** A delay is plausible as long as it fits about as well as the best one. */
const PLAUSIBLE_FACTOR = 1.9;
const PLAUSIBLE_OVER = 2;
/** Expected echo lies so many standard deviations over the mean. */
const DEVIATIONS = 0.64;
/** A new run of playout: the phone may have begun to play it earlier or later than the last one: 60 ms off each, and some. */
const RUN_SPREAD = 200 / GRID_MS;
const RUN_FRAMES = 8;
/** Steps with nothing announced that part two runs. */
const RUN_GAP_STEPS = 10;
/** By band, coupling over that of the whole: its upper quantile, found in small steps. A phone is no flat filter. */
const TILT_UP_DB = 0.2;
const TILT_DOWN_DB = 0.1;
const LEAST_TILT_DB = -6;
const MOST_TILT_DB = 4;

// Of the frame at hand, whichever call it is of.
const playedDbov = new Float32Array(DELAYS);
const addDb = new Float32Array(DELAYS);
const share = new Float32Array(DELAYS);

/**
 * How what we play comes back on one line. For every delay: the mean coupling and how much it varies from frame to frame. At the true
 * delay it hardly varies, at others as much as speech does. On a line without echo it is very low at all of them.
 */
export class EchoPath {
  readonly #played: PlayedEnvelope;
  readonly #couplingDb = new Float32Array(DELAYS);
  readonly #variance = new Float32Array(DELAYS);
  readonly #frames = new Uint8Array(DELAYS);
  readonly #tiltDb = new Float32Array(WHOLE_BAND);
  /** The step that the frame at hand began in, for an echo of the least delay. */
  #newest = 0;
  /** Where coupling varies least. */
  #best = 0;
  /** Loudest of late, falling slowly. */
  #peakDbov = Number.NEGATIVE_INFINITY;
  /** The latest step that the run watch has seen, and how many before it had nothing announced. */
  #watchedStep = 0;
  #emptySteps = RUN_GAP_STEPS;

  constructor(played: PlayedEnvelope) {
    this.#played = played;
    this.reset();
  }

  /**
   * Turns to the uplink frame that began in this step of the call's clock. The other methods are about it, until the next call.
   *
   * @returns false: nothing that was played could bring an echo above a line's noise.
   */
  turnTo(beganStep: number): boolean {
    this.#newest = beganStep - LEAST_DELAY_MS / STEP_MS;
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

  /** What is known of the path still holds, but the delay only roughly. */
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

  /** `out[band]` becomes the most that echo is expected to bring in this band, over all plausible delays, in dBov. */
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
   * The frame is not the caller's: what came back is at most the echo of what was played.
   *
   * @param levels  the frame's ENVELOPE_BANDS levels, in dBov
   * @param sounds  true: more than the line's noise
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
      const taught = Math.max(-MOST_DOWN_DB, Math.min(MOST_UP_DB, off));
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
      this.#tiltDb[band] = Math.max(LEAST_TILT_DB, Math.min(MOST_TILT_DB, tilt));
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
