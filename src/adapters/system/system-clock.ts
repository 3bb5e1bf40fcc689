import { PROCESS_STALL_MS } from "../../domain/stall.js";
import type { Clock, Timer } from "../../ports/clock.js";

/** Longest delay that a Node timer keeps; beyond it Node would fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/**
 * The only reader of the machine's clock. Its timers keep the process alive: each must be
 * cancelled.
 *
 * After a process stall, a late timer runs after the input that arrived meanwhile has been read.
 * Node runs timers first, and a model that answered long ago would count as silent for six seconds.
 */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  epochMs: () => Date.now(),
  after: (ms: number, run: () => void): Timer =>
    new SystemTimer(Math.min(Math.max(ms, 0), MAX_DELAY_MS), run),
};

/** One object for what would be four with closures: each call has some. */
class SystemTimer implements Timer {
  readonly #run: () => void;
  readonly #dueMs: number;
  readonly #timeout: NodeJS.Timeout;
  #behindInput: NodeJS.Immediate | undefined;

  constructor(delayMs: number, run: () => void) {
    this.#run = run;
    this.#dueMs = performance.now() + delayMs;
    this.#timeout = setTimeout(SystemTimer.#expired, delayMs, this);
  }

  static #expired(timer: SystemTimer): void {
    if (performance.now() - timer.#dueMs < PROCESS_STALL_MS) timer.#run();
    else timer.#behindInput = setImmediate(timer.#run);
  }

  cancel(): void {
    clearTimeout(this.#timeout);
    clearImmediate(this.#behindInput);
  }
}
