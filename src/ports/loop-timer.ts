import type { LabelValue } from "./metrics.js";

/** Work that is timed. What garbage collection and other work cost is found without it. */
export type LoopWork = Exclude<LabelValue<"eventLoopBlocks", "cause">, "gc" | "other">;

/**
 * Times synchronous work on the thread that carries audio. It allocates nothing, so that it can
 * time every frame: `const startedMs = timer.start(); …; timer.end("http", startedMs)`.
 */
export interface LoopTimer {
  start(): number;
  end(work: LoopWork, startedMs: number): void;
}
