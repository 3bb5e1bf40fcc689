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
  after(ms: number, run: () => void): Timer {
    const delayMs = Math.min(Math.max(ms, 0), MAX_DELAY_MS);
    const dueMs = performance.now() + delayMs;
    let behindInput: NodeJS.Immediate | undefined;
    const timeout = setTimeout(() => {
      if (performance.now() - dueMs < PROCESS_STALL_MS) run();
      else behindInput = setImmediate(run);
    }, delayMs);
    return {
      cancel: () => {
        clearTimeout(timeout);
        clearImmediate(behindInput);
      },
    };
  },
};
