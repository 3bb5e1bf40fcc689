// Something that may be asked for often, and is done seldom.

/**
 * Acts at most every so often; between two acts the last value wins.
 *
 * @template T
 */
export class Throttle {
  #everyMs;
  #act;
  /** @type {{ value: T } | null} what the timer will act on. */
  #waiting = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} runs for `everyMs` after each act. */
  #timer;

  /** @param {number} everyMs @param {(value: T) => void} act */
  constructor(everyMs, act) {
    this.#everyMs = everyMs;
    this.#act = act;
  }

  /** @param {T} value */
  ask(value) {
    if (this.#timer === undefined) this.#do(value);
    else this.#waiting = { value };
  }

  /** What waits is not done any more. */
  stop() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting = null;
  }

  /** @param {T} value */
  #do(value) {
    this.#act(value);
    this.#timer = setTimeout(() => {
      const waiting = this.#waiting;
      this.stop();
      if (waiting !== null) this.#do(waiting.value);
    }, this.#everyMs);
  }
}
