import { readFileSync } from "node:fs";
import { hostname } from "node:os";

/**
 * Identifies one run of one process. A process writes its identity into a directory that it owns,
 * so that another process can tell whether the owner is still alive.
 */
export interface ProcessIdentity {
  readonly host: string;
  readonly pid: number;
  /**
   * Kernel ticks at which the process began; "" where /proc is missing. The kernel reuses pids, but
   * not the pair of pid and start time.
   */
  readonly startTicks: string;
}

/** "unknown": the process belongs to another machine. */
export type ProcessStatus = "alive" | "dead" | "unknown";

export function currentProcess(): ProcessIdentity {
  return { host: hostname(), pid: process.pid, startTicks: statOf(process.pid).startTicks };
}

export function statusOf(identity: ProcessIdentity): ProcessStatus {
  if (identity.host !== hostname()) return "unknown";
  try {
    process.kill(identity.pid, 0);
  } catch (error) {
    // EPERM: the process is alive and belongs to another user.
    if (!(error instanceof Error && "code" in error && error.code === "EPERM")) return "dead";
  }
  const { startTicks, hasEnded } = statOf(identity.pid);
  return startTicks === identity.startTicks && !hasEnded ? "alive" : "dead";
}

/** Fields 3 and 22 of `/proc/PID/stat`, proc(5). */
function statOf(pid: number): { readonly startTicks: string; readonly hasEnded: boolean } {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The second field is the program's name and may hold spaces and brackets.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // A zombie has ended, and its parent has not asked how. In a container it may stay for ever.
    return { startTicks: fields[19] ?? "", hasEnded: /^[ZX]$/.test(fields[0] ?? "") };
  } catch {
    return { startTicks: "", hasEnded: false };
  }
}
