// Audio that waits to be played, of one direction of a call. Pure: it knows neither page nor clock.

/** Playback starts with this much audio, so that messages may be this late. */
export const START_SAMPLES = 800;
/**
 * More than this piles up only after the page was stalled: it would be pure delay, so it is skipped.
 * The relay is up to 160 ms ahead of the phone with the agent's audio.
 */
export const MAX_SAMPLES = 12_000;
/** What is left then, so that a page that was asleep is in time again. */
export const KEPT_SAMPLES = 2_400;

export class JitterQueue {
  /** @type {Int16Array[]} */
  #waiting = [];
  #samples = 0;
  #offset = 0;
  #playing = false;
  /** How long audio has waited for playback to start, in samples. */
  #waited = 0;

  /** @param {Int16Array} samples */
  push(samples) {
    if (samples.length === 0) return;
    this.#waiting.push(samples);
    this.#samples += samples.length;
    if (this.#samples <= MAX_SAMPLES) return;
    while (this.#samples > KEPT_SAMPLES && this.#waiting.length > 1) {
      this.#samples -= (this.#waiting.shift()?.length ?? 0) - this.#offset;
      this.#offset = 0;
    }
  }

  /** The phone has dropped what it had not played. */
  clear() {
    this.#waiting = [];
    this.#samples = 0;
    this.#offset = 0;
    this.#playing = false;
    this.#waited = 0;
  }

  /** Fills the output with the next samples, silence where there are none. @param {Float32Array} out */
  take(out) {
    out.fill(0);
    if (!this.#playing && !this.#starts(out.length)) return;
    this.#playing = true;
    for (let i = 0; i < out.length; i++) {
      const block = this.#waiting[0];
      if (block === undefined) {
        // Out of audio: collect START_SAMPLES again.
        this.#playing = false;
        return;
      }
      out[i] = (block[this.#offset++] ?? 0) / 32_768;
      this.#samples -= 1;
      if (this.#offset < block.length) continue;
      this.#waiting.shift();
      this.#offset = 0;
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
