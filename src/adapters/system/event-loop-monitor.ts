import { performance } from "node:perf_hooks";
import type { Clock } from "../../ports/clock.js";

const SAMPLE_MS = 250;

/**
 * Measures the event loop of this process until the returned function is called.
 *
 * @param sampled  called four times a second with the busy share of the time since the last sample
 *                 (0 to 1), how late the timer was in ms, and the time in ms.
 */
export function monitorEventLoop(
  clock: Clock,
  sampled: (utilisation: number, lagMs: number, nowMs: number) => void,
): () => void {
  let before = performance.eventLoopUtilization();
  let dueMs = clock.nowMs() + SAMPLE_MS;
  const sample = () => {
    const nowMs = clock.nowMs();
    const now = performance.eventLoopUtilization();
    sampled(
      performance.eventLoopUtilization(now, before).utilization,
      Math.max(0, nowMs - dueMs),
      nowMs,
    );
    before = now;
    dueMs = nowMs + SAMPLE_MS;
    timer = clock.after(SAMPLE_MS, sample);
  };
  let timer = clock.after(SAMPLE_MS, sample);
  return () => timer.cancel();
}
