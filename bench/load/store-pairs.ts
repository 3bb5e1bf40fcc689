/** What record keeping costs: the same load with and without it, by turns. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { median } from "../median.js";
import type { LoadResult } from "./load-run.js";
import { type ProfileShare, profileShare } from "./profile-share.js";
import type { CpuAlone } from "./records-alone.js";

export interface StorePairs {
  /** CPU of the relay per call-second with records, over that without, a pair each. */
  readonly ratios: readonly number[];
  readonly onMs: readonly number[];
  readonly offMs: readonly number[];
  /** CPU per call-second of threads other than the main one: the journal's and the database's work is done there. */
  readonly onThreadsMs: readonly number[];
  readonly offThreadsMs: readonly number[];
}

/** Where records are kept, and what only they use. */
const RECORD_SOURCES =
  /\/src\/(?:records\/|adapters\/store\/|adapters\/(?:spool-files|process-mark)|record-keeping)|\/(?:kysely|libsql|pg)\//;

/**
 * The share of record keeping in a relay's main thread, from the profile that it wrote when it ended.
 *
 * @param directory     in which that profile is the only one of a main thread.
 * @param fromUs, toUs  from the start of the load to its end, on the machine's monotonic clock.
 */
export function recordsShare(directory: string, fromUs: number, toUs: number): ProfileShare {
  const shares = readdirSync(directory)
    .filter((name) => name.endsWith(".cpuprofile"))
    .map((name) => profileShare(join(directory, name), RECORD_SOURCES, fromUs, toUs));
  // tsx compiles in a thread that has a profile of its own, and nothing of ours in it.
  const main = shares.sort((a, b) => b.busyMs - a.busyMs)[0];
  if (main === undefined) throw new Error(`no profile in ${directory}`);
  return main;
}

export function recordsShareText(share: ProfileShare, callSeconds: number): string {
  const perCallSecond = (ms: number): string => `${(ms / callSeconds).toFixed(4)} ms`;
  return [
    `Record keeping in the main thread, by its profile: ${((share.ofMs / share.busyMs) * 100).toFixed(2)} % of its work`,
    `  per call-second              ${perCallSecond(share.ofMs)} of ${perCallSecond(share.busyMs)}`,
    ...share.functions.slice(0, 12).map(([name, ms]) => `  ${perCallSecond(ms)}  ${name}`),
  ].join("\n");
}

/** Keeps the records of a run once more, in a process of its own, at the same pace. Takes twice as long as the run. */
export function measureRecordsAlone(momentsFile: string, directory: string): CpuAlone {
  if (!existsSync(momentsFile))
    throw new Error("the relay was stopped before it could write down what its calls told");
  const script = fileURLToPath(new URL("./records-alone.ts", import.meta.url));
  const args = ["--import", import.meta.resolve("tsx"), script, momentsFile, directory];
  // The script prints it.
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" })) as CpuAlone;
}

export function recordsAloneText(
  { cpuMs, idleMs }: CpuAlone,
  callSeconds: number,
  pairs: StorePairs,
): string {
  const ms = (cpuMs - idleMs) / callSeconds;
  const share = (ms / (median(pairs.offMs) ?? Number.NaN)) * 100;
  return `  records alone, all threads   ${ms.toFixed(4)} ms: ${share.toFixed(2)} % of the relay without them`;
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
    // Who begins changes, so that a machine that slowly gets busier favours nobody.
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
