// Audio that waits to be played, of one direction of a call. Pure: it knows neither page nor clock.

/** Playback starts with this much audio, so that messages may be this late. */
export const START_SAMPLES = 800;
/**
 * More than this, and than what the relay is ahead of the phone, piles up only after the page was
 * stalled: it would be pure delay, so it is skipped.
 */
export const MAX_SAMPLES = 12_000;
/** What is left then, so that a page that was asleep is in time again. */
export const KEPT_SAMPLES = 2_400;
/** Delay is judged each time this much was played. */
export const WINDOW_SAMPLES = 8_000;
/** More than this that waits during a whole window is delay: a stall came, and the audio since is late. */
export const LATE_SAMPLES = 880;
/** What waits at the least afterwards, for messages that are late. */
export const IN_TIME_SAMPLES = 400;
/** Only pauses are skipped, until the audio is late for so many windows. */
export const PATIENT_WINDOWS = 10;
/** Of 32,768: the noise of a quiet line is below. */
const QUIET = 330;

export class JitterQueue {
  /** @type {Int16Array[]} */
  #waiting = [];
  #samples = 0;
  #offset = 0;
  #playing = false;
  /** How long audio has waited for playback to start, in samples. */
  #waited = 0;
  /** How far the relay is ahead of the phone, which is no delay. */
  #ahead = 0;
  /** Of the window: what was played, and the least that waited meanwhile. */
  #played = 0;
  #least = Number.POSITIVE_INFINITY;
  #lateWindows = 0;
  /** What is to be skipped. */
  #excess = 0;

  /** The relay sends the agent's audio before the phone plays it. @param {number} samples at most. */
  ahead(samples) {
    this.#ahead = samples;
  }

  /** @param {Int16Array} samples */
  push(samples) {
    if (samples.length === 0) return;
    this.#waiting.push(samples);
    this.#samples += samples.length;
    if (this.#samples <= MAX_SAMPLES + this.#ahead) return;
    while (this.#samples > KEPT_SAMPLES + this.#ahead && this.#waiting.length > 1) {
      this.#samples -= (this.#waiting.shift()?.length ?? 0) - this.#offset;
      this.#offset = 0;
    }
  }

  /** The phone has dropped what it had not played. */
  clear() {
    this.#waiting = [];
    this.#samples = 0;
    this.#offset = 0;
    this.#waited = 0;
    this.#pause();
  }

  /** Fills the output with the next samples, silence where there are none. @param {Float32Array} out */
  take(out) {
    out.fill(0);
    if (!this.#playing && !this.#starts(out.length)) return;
    this.#playing = true;
    for (let i = 0; i < out.length; i++) {
      if (this.#excess > 0 && this.#offset === 0) this.#skip();
      const block = this.#waiting[0];
      if (block === undefined) {
        // Out of audio: collect START_SAMPLES again.
        this.#pause();
        return;
      }
      out[i] = (block[this.#offset++] ?? 0) / 32_768;
      this.#samples -= 1;
      if (this.#offset < block.length) continue;
      this.#waiting.shift();
      this.#offset = 0;
    }
    this.#judge(out.length);
  }

  #pause() {
    this.#playing = false;
    this.#played = 0;
    this.#least = Number.POSITIVE_INFINITY;
    this.#lateWindows = 0;
    this.#excess = 0;
  }

  /** @param {number} played */
  #judge(played) {
    this.#least = Math.min(this.#least, this.#samples);
    this.#played += played;
    if (this.#played < WINDOW_SAMPLES) return;
    const isLate = this.#least > LATE_SAMPLES + this.#ahead;
    this.#lateWindows = isLate ? this.#lateWindows + 1 : 0;
    this.#excess = isLate ? this.#least - IN_TIME_SAMPLES : 0;
    this.#played = 0;
    this.#least = Number.POSITIVE_INFINITY;
  }

  /** Whole blocks, so that a word is cut at most once. */
  #skip() {
    for (;;) {
      const block = this.#waiting[0];
      if (block === undefined || block.length > this.#excess) return;
      if (this.#lateWindows < PATIENT_WINDOWS && !block.every((one) => Math.abs(one) < QUIET))
        return;
      this.#waiting.shift();
      this.#samples -= block.length;
      this.#excess -= block.length;
    }
  }

  /** The end of a sentence is shorter than START_SAMPLES, and is played after the same wait. @param {number} passed */
  #starts(passed) {
    if (this.#samples === 0) return false;
    this.#waited += passed;
    if (this.#samples < START_SAMPLES && this.#waited < START_SAMPLES) return false;
    this.#waited = 0;
    return true;
  }
}
