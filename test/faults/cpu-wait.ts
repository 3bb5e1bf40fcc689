import { openSync, readdirSync, readSync } from "node:fs";

const buffer = Buffer.alloc(128);
/** Node starts them right after the main thread: the ticker of delayed tasks, and V8's workers. */
const HELPERS = 5;
/** Numbers of one sample. */
export const SAMPLE = 1 + HELPERS;

/**
 * How long the main thread of a process, and the threads that collect garbage for it, were ready to
 * run and got no core. It is what the machine takes from the process, not what the process does:
 * while a collection waits for its helpers, the main thread waits for them.
 *
 * Source: Documentation/scheduler/sched-stats.rst of Linux, /proc/<pid>/schedstat, second field.
 */
export class WaitedForCpu {
  readonly #files: readonly number[];

  constructor(pid: number) {
    this.#files = threadsOf(pid).flatMap((thread) => open(pid, thread) ?? []);
  }

  /** Writes SAMPLE numbers, in ms since the threads began; 0 where the kernel does not tell. */
  sample(into: Float64Array, at: number): void {
    for (const [i, file] of this.#files.entries()) into[at + i] = waitOf(file);
  }
}

/** What the process waited between two samples: its main thread, and the slowest of its helpers. */
export function waitedBetween(
  before: Float64Array,
  from: number,
  after: Float64Array,
  to: number,
): number {
  let slowest = 0;
  for (let i = 1; i < SAMPLE; i++)
    slowest = Math.max(slowest, (after[to + i] ?? 0) - (before[from + i] ?? 0));
  return (after[to] ?? 0) - (before[from] ?? 0) + slowest;
}

function threadsOf(pid: number): readonly number[] {
  try {
    const threads = readdirSync(`/proc/${pid}/task`).map(Number);
    return threads.sort((a, b) => a - b).slice(0, SAMPLE);
  } catch {
    // No Linux: the machine does not tell.
    return [];
  }
}

function open(pid: number, thread: number): number | null {
  try {
    return openSync(`/proc/${pid}/task/${thread}/schedstat`, "r");
  } catch {
    return null;
  }
}

function waitOf(file: number): number {
  try {
    const bytes = readSync(file, buffer, 0, buffer.length, 0);
    return Number(buffer.toString("latin1", 0, bytes).split(" ")[1]) / 1e6;
  } catch {
    // The process is gone: it waits for nothing.
    return 0;
  }
}
