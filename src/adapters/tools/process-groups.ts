/** Process groups of tools, to be ended when their launcher can no longer do it. Linux only. */
import { readFileSync } from "node:fs";

/** A process, told from a later one with the same pid by when it started. */
export interface StartedProcess {
  readonly pid: number;
  /** In clock ticks since the machine started. */
  readonly startTicks: string;
}

/** Of a child that was just started. Null: it cannot be told on this system, or it has ended. */
export function startedProcess(pid: number | undefined): StartedProcess | null {
  const startTicks = pid === undefined ? null : startTicksOf(pid);
  return pid === undefined || startTicks === null ? null : { pid, startTicks };
}

/** The groups that one launcher has started, each named by the pid of its first process. */
export class ProcessGroups {
  readonly #leaders = new Map<number, string>();

  started({ pid, startTicks }: StartedProcess): void {
    this.#leaders.set(pid, startTicks);
  }

  ended(pid: number): void {
    this.#leaders.delete(pid);
  }

  /** At once, whatever they do. A pid that has become another process's is left alone. */
  kill(): void {
    for (const [pid, startTicks] of this.#leaders) {
      const now = startTicksOf(pid);
      // The leader may be gone, and what it has started may not: they keep its pid from others.
      if (now !== null && now !== startTicks) continue;
      try {
        process.kill(-pid, "SIGKILL");
      } catch {
        // It ended in this moment.
      }
    }
    this.#leaders.clear();
  }
}

function startTicksOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The 22nd field. The second is the program's name in parentheses, and may contain anything.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch {
    return null;
  }
}
