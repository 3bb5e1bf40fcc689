import { PerformanceObserver } from "node:perf_hooks";
import type { Clock } from "../../ports/clock.js";
import type { LoopTimer, LoopWork } from "../../ports/loop-timer.js";
import type { LabelValue, Metrics } from "../../ports/metrics.js";

/** Shorter work is not reported. The calls of a process may wait for this long. */
const MIN_BLOCK_MS = 5;
/** Between two measurements of how late timers are. */
const SAMPLE_MS = 100;

export interface LoopGuardParts {
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, "eventLoopLag" | "eventLoopBlocks">;
  /** Calls back with the ms of each garbage collection until the returned function is called. */
  readonly watchGc?: (collected: (ms: number) => void) => () => void;
}

/**
 * Finds out what blocks the event loop. Known work is timed where it runs; garbage collections are
 * reported by V8; a timer that is late without either is the work of something unknown.
 */
export class LoopGuard implements LoopTimer {
  readonly #parts: LoopGuardParts;
  /** Blocks with a known cause, in this interval of samples and the one before. */
  #explainedMs = 0;
  #explainedBeforeMs = 0;
  /** How late the sample before was. */
  #lagBeforeMs = 0;

  constructor(parts: LoopGuardParts) {
    this.#parts = parts;
  }

  start(): number {
    return this.#parts.clock.nowMs();
  }

  end(work: LoopWork, startedMs: number): void {
    const ms = this.#parts.clock.nowMs() - startedMs;
    if (ms >= MIN_BLOCK_MS) this.#explained(work, ms);
  }

  /** Measures until the returned function is called. */
  watch(): () => void {
    const { clock, metrics, watchGc = watchCollections } = this.#parts;
    const unwatchGc = watchGc((ms) => {
      if (ms >= MIN_BLOCK_MS) this.#explained("gc", ms);
    });
    let dueMs = clock.nowMs() + SAMPLE_MS;
    const sample = (): void => {
      const nowMs = clock.nowMs();
      metrics.eventLoopLag.observe((nowMs - dueMs) / 1000);
      this.#sampled(nowMs - dueMs);
      dueMs = nowMs + SAMPLE_MS;
      timer = clock.after(SAMPLE_MS, sample);
    };
    let timer = clock.after(SAMPLE_MS, sample);
    return () => {
      timer.cancel();
      unwatchGc();
    };
  }

  #explained(cause: LabelValue<"eventLoopBlocks", "cause">, ms: number): void {
    this.#explainedMs += ms;
    this.#parts.metrics.eventLoopBlocks.observe(ms / 1000, cause);
  }

  /** A sample is judged at the next one: V8 reports its collections a little later. */
  #sampled(lagMs: number): void {
    const unexplainedMs = this.#lagBeforeMs - this.#explainedBeforeMs - this.#explainedMs;
    if (unexplainedMs >= MIN_BLOCK_MS)
      this.#parts.metrics.eventLoopBlocks.observe(unexplainedMs / 1000, "other");
    this.#lagBeforeMs = lagMs;
    this.#explainedBeforeMs = this.#explainedMs;
    this.#explainedMs = 0;
  }
}

function watchCollections(collected: (ms: number) => void): () => void {
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) collected(duration);
  });
  observer.observe({ entryTypes: ["gc"] });
  return () => observer.disconnect();
}
