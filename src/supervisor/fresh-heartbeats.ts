import type { Clock } from "../ports/clock.js";
import type { Worker } from "./worker-process.js";

/** A worker that does not answer within this is shown as its last heartbeat has it. */
const ANSWER_MS = 200;
/** Between two rounds: however many ask, their answers cost the workers next to nothing. */
const PAUSE_MS = 100;

/**
 * Has the workers send a heartbeat out of turn, so that metrics and readiness are what is true now,
 * and not up to a second ago.
 */
export class FreshHeartbeats {
  readonly #clock: Clock;
  readonly #workers: () => readonly Pick<Worker, "heartbeatNow">[];
  /** A round that has not begun; null: there is none. */
  #next: Promise<void> | null = null;
  #nextAtMs = Number.NEGATIVE_INFINITY;

  /** @param workers  that answer, as far as is known. */
  constructor(clock: Clock, workers: () => readonly Pick<Worker, "heartbeatNow">[]) {
    this.#clock = clock;
    this.#workers = workers;
  }

  /** Resolves when each worker has told its state since this was called, or did not answer in time. */
  ask(): Promise<void> {
    if (this.#next !== null) return this.#next;
    const waitMs = this.#nextAtMs - this.#clock.nowMs();
    if (waitMs <= 0) return this.#round();
    this.#next = new Promise((resolve) => {
      this.#clock.after(waitMs, () => {
        this.#next = null;
        resolve(this.#round());
      });
    });
    return this.#next;
  }

  async #round(): Promise<void> {
    this.#nextAtMs = this.#clock.nowMs() + PAUSE_MS;
    let expire: () => void = () => undefined;
    const late = new Promise<void>((resolve) => {
      expire = resolve;
    });
    const timer = this.#clock.after(ANSWER_MS, expire);
    await Promise.race([Promise.all(this.#workers().map((one) => one.heartbeatNow())), late]);
    timer.cancel();
  }
}
