/** What record keeping costs: the same load with and without it, in alternating runs. */
import { median } from "../median.js";
import type { LoadResult } from "./load-run.js";
import type { PerfShare } from "./perf-share.js";

export interface StorePairs {
  /** CPU of the relay per call-second with records, over that without, a pair each. */
  readonly ratios: readonly number[];
  readonly onMs: readonly number[];
  readonly offMs: readonly number[];
  /**
   * CPU per call-second of threads other than the main one: the journal's and the database's work
   * is done there.
   */
  readonly onThreadsMs: readonly number[];
  readonly offThreadsMs: readonly number[];
}

/** Where records are kept, and what only they use. */
export const RECORD_SOURCES =
  /\/(?:src|dist)\/(?:records\/|adapters\/store\/|adapters\/(?:spool-files|last-words|process-mark)|record-keeping)|\/(?:kysely|libsql|pg)\//;

export function recordsShareText(share: PerfShare): string {
  const percent = (samples: number): string => `${((samples / share.samples) * 100).toFixed(2)} %`;
  return [
    `Record keeping, of ${share.samples} samples of the relay's CPU: ${percent(share.main + share.threads)}`,
    `  main thread                  ${percent(share.main)}`,
    `  other threads                ${percent(share.threads)}`,
    ...share.functions.slice(0, 12).map(([name, samples]) => `  ${percent(samples)}  ${name}`),
  ].join("\n");
}

/**
 * @param play  one run; `records` says whether they are kept.
 * @returns     null where CPU cannot be read, or a run failed.
 */
export async function playStorePairs(
  pairs: number,
  play: (records: boolean) => Promise<LoadResult>,
  stopped: () => boolean,
): Promise<StorePairs | null> {
  const cpu = { on: [] as number[], off: [] as number[] };
  const threads = { on: [] as number[], off: [] as number[] };
  for (let pair = 0; pair < pairs && !stopped(); pair++) {
    // The order alternates, so that a machine that slowly gets busier favours neither.
    const order = pair % 2 === 0 ? (["on", "off"] as const) : (["off", "on"] as const);
    for (const side of order) {
      const { figures, relayExit } = await play(side === "on");
      const [ms, threadsMs] = [figures["cpu_ms_per_call_s"], figures["cpu_threads_ms_per_call_s"]];
      if (relayExit !== null || ms == null || threadsMs == null) return null;
      cpu[side].push(ms);
      threads[side].push(threadsMs);
    }
  }
  const whole = Math.min(cpu.on.length, cpu.off.length);
  if (whole === 0) return null;
  return {
    ratios: cpu.on.slice(0, whole).map((ms, i) => ms / cpu.off[i]!),
    onMs: cpu.on,
    offMs: cpu.off,
    onThreadsMs: threads.on,
    offThreadsMs: threads.off,
  };
}

export function storePairsText(pairs: StorePairs): string {
  const { ratios, onMs, offMs, onThreadsMs, offThreadsMs } = pairs;
  const percent = (ratio: number): string => `${((ratio - 1) * 100).toFixed(2)} %`;
  const row = (name: string, values: readonly number[]): string =>
    `  ${name.padEnd(28)} ${(median(values) ?? Number.NaN).toFixed(3)} ms   (${values.map((ms) => ms.toFixed(3)).join(", ")})`;
  return [
    `Record keeping, ${ratios.length} pairs, CPU per call-second (median; each run)`,
    row("with records", onMs),
    row("without", offMs),
    row("with, other threads", onThreadsMs),
    row("without, other threads", offThreadsMs),
    `  with / without               ${percent(median(ratios) ?? Number.NaN)}   (${[...ratios]
      .sort((a, b) => a - b)
      .map(percent)
      .join(", ")})`,
  ].join("\n");
}
