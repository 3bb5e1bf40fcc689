/** From the end of a piece of work. A piece that had to wait for a core is not paid for twice. */
const MAX_REST_MS = 5;

export interface Time {
  readonly nowMs: () => number;
  readonly sleep: (ms: number) => Promise<unknown>;
}

/** Does one piece of work after the other, and rests after each as long as it took. */
export class HalfTime {
  readonly #time: Time;
  #last: Promise<void> = Promise.resolve();

  constructor(time: Time) {
    this.#time = time;
  }

  /** @param work  does not reject. */
  run(work: () => Promise<void>): void {
    this.#last = this.#last.then(async () => {
      const beganMs = this.#time.nowMs();
      await work();
      const tookMs = this.#time.nowMs() - beganMs;
      await this.#time.sleep(Math.min(tookMs, MAX_REST_MS));
    });
  }
}
