import type { Clock, Timer } from "../ports.js";

/** Longest delay that a Node timer keeps; beyond it Node would fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/**
 * The only reader of the machine's clock. Its timers keep the process alive: whoever starts one cancels it.
 */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  epochMs: () => Date.now(),
  after(ms: number, run: () => void): Timer {
    const timeout = setTimeout(run, Math.min(Math.max(ms, 0), MAX_DELAY_MS));
    return { cancel: () => clearTimeout(timeout) };
  },
};
