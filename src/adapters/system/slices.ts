import { setImmediate } from "node:timers/promises";
import { systemClock } from "./system-clock.js";

/** Well under the 5 ms that synchronous work may take on the thread that carries audio. */
const SLICE_MS = 2;

/**
 * Takes items one by one and returns to the event loop whenever they have taken a slice of time
 * together. Making one item must itself be short.
 */
export async function* inSlices<T>(
  items: Iterable<T>,
  nowMs: () => number = systemClock.nowMs,
): AsyncGenerator<T> {
  let startedMs = nowMs();
  for (const item of items) {
    yield item;
    if (nowMs() - startedMs < SLICE_MS) continue;
    await setImmediate();
    startedMs = nowMs();
  }
}
