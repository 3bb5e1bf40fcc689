import type { SimClock } from "../../sim/clock.js";

/** A clock that runs `times` as fast as the wall. */
export function fastClock(times: number): SimClock {
  return {
    nowMs: () => performance.now() * times,
    after(ms, run) {
      const timer = setTimeout(run, ms / times);
      return { cancel: () => clearTimeout(timer) };
    },
  };
}
