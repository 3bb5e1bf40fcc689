// Figures of a page that are read again and again.
import { ApiError } from "./api.js";

const BROKEN_OFF = "The relay's answer cannot be read.";

/**
 * Reads at once, and then at intervals. It does not read while the page is hidden, unless nothing
 * was read yet.
 *
 * @template {object} T
 */
export class Polled {
  #read;
  #everyMs;
  #took;
  #hasRead = false;
  #isStopped = true;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {() => Promise<T>} read
   * @param {number} everyMs from the end of one reading to the next.
   * @param {(state: (T & { problem: "" }) | { problem: string }) => void} took what was read, or why nothing was.
   */
  constructor(read, everyMs, took) {
    this.#read = read;
    this.#everyMs = everyMs;
    this.#took = took;
  }

  start() {
    if (!this.#isStopped) return;
    this.#isStopped = false;
    void this.#poll();
  }

  /** What is being read is not taken any more. */
  stop() {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  async #poll() {
    if (!document.hidden || !this.#hasRead) {
      const state = await this.#found();
      if (this.#isStopped) return;
      this.#took(state);
    }
    if (!this.#isStopped) this.#timer = setTimeout(() => void this.#poll(), this.#everyMs);
  }

  /** @returns {Promise<(T & { problem: "" }) | { problem: string }>} */
  async #found() {
    try {
      const found = await this.#read();
      this.#hasRead = true;
      return { ...found, problem: "" };
    } catch (error) {
      // An answer may break off after its head, too.
      return { problem: error instanceof ApiError ? error.message : BROKEN_OFF };
    }
  }
}
