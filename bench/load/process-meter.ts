/**
 * CPU and memory of a process and its descendants, from Linux's /proc; null on other systems.
 */
import { readdirSync, readFileSync } from "node:fs";

export interface ProcessReading {
  readonly cpuMs: number;
  /** CPU of threads other than the main ones: libuv, garbage collector, database. */
  readonly threadsCpuMs: number;
  readonly rssBytes: number;
  /**
   * Time in which its main threads waited for a core; 0 where the kernel does not count it.
   */
  readonly waitedMs: number;
  readonly processes: number;
}

/** Linux counts CPU in hundredths of a second on every machine that Node runs on. */
const MS_PER_CLOCK_TICK = 10;
const PAGE_BYTES = 4096;

export function readProcess(pid: number): ProcessReading | null {
  const pids = descendants(pid);
  let cpuMs = 0;
  let threadsCpuMs = 0;
  let rssBytes = 0;
  let waitedMs = 0;
  let processes = 0;
  for (const one of pids) {
    const stat = statFields(one);
    if (stat === null) continue;
    processes++;
    cpuMs += (Number(stat[11]) + Number(stat[12])) * MS_PER_CLOCK_TICK;
    threadsCpuMs += otherThreadsMs(one);
    waitedMs += runQueueMs(one);
    rssBytes += Number(stat[21]) * PAGE_BYTES;
  }
  return processes === 0 ? null : { cpuMs, threadsCpuMs, rssBytes, waitedMs, processes };
}

/**
 * CPU that the whole machine has used since it started, stolen time included; null where there is
 * no /proc.
 */
export function readMachineCpuMs(): number | null {
  try {
    const line = readFileSync("/proc/stat", "latin1").split("\n", 1)[0]!;
    const [user, nice, system, , , irq, softirq, steal] = line
      .trim()
      .split(/\s+/)
      .slice(1)
      .map(Number);
    return (
      ((user ?? 0) + (nice ?? 0) + (system ?? 0) + (irq ?? 0) + (softirq ?? 0) + (steal ?? 0)) *
      MS_PER_CLOCK_TICK
    );
  } catch {
    return null;
  }
}

/**
 * The fields of /proc/pid/stat behind the command's name, which may hold anything: [0] is the
 * state.
 */
function statFields(pid: number): string[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return null;
  }
}

/** Second field of schedstat, in ns. Source: Linux, Documentation/scheduler/sched-stats. */
function runQueueMs(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, "latin1").split(" ")[1]) / 1e6;
  } catch {
    return 0;
  }
}

/** First field of each task's schedstat, in ns; a thread that has ended is no longer counted. */
function otherThreadsMs(pid: number): number {
  let ms = 0;
  try {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      if (task === String(pid)) continue;
      ms +=
        Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "latin1").split(" ")[0]) / 1e6;
    }
  } catch {
    // It has ended, or the kernel does not count.
  }
  return ms;
}

function descendants(root: number): number[] {
  const found = [root];
  for (let i = 0; i < found.length; i++) {
    const pid = found[i]!;
    try {
      for (const task of readdirSync(`/proc/${pid}/task`)) {
        const children = readFileSync(`/proc/${pid}/task/${task}/children`, "latin1").trim();
        if (children !== "") found.push(...children.split(" ").map(Number));
      }
    } catch {
      // It has ended, or there is no /proc.
    }
  }
  return found;
}
