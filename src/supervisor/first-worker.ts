import type { Clock } from "../ports/clock.js";

/**
 * A worker's public port answers a moment before the supervisor has heard of it: a program that saw
 * `/health` answer may ask the operator port at once.
 */
const WAIT_MS = 1_000;

/** Lets requests wait for the first worker to listen. */
export class FirstWorker {
  readonly #clock: Clock;
  #waiting: (() => void)[] | null = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A worker listens. */
  listens(): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    for (const go of waiting ?? []) go();
  }

  /**
   * @returns  null: one has listened. Otherwise resolves when one does, at the latest after a second.
   */
  wait(): Promise<void> | null {
    const waiting = this.#waiting;
    if (waiting === null) return null;
    return new Promise((resolve) => {
      const timer = this.#clock.after(WAIT_MS, resolve);
      waiting.push(() => {
        timer.cancel();
        resolve();
      });
    });
  }
}
