import { readFileSync } from "node:fs";
import { hostname } from "node:os";

/** Who holds a directory: written into it, so that another process can tell whether its holder still lives. */
export interface ProcessIdentity {
  readonly host: string;
  readonly pid: number;
  /** Kernel ticks at which the process began, "" where /proc is missing: pids are used again, this pair is not. */
  readonly startTicks: string;
}

export function ownIdentity(): ProcessIdentity {
  return { host: hostname(), pid: process.pid, startTicks: startTicksOf(process.pid) };
}

/** "unknown" for a process on another machine. */
export function lifeOf(mark: ProcessIdentity): "alive" | "dead" | "unknown" {
  if (mark.host !== hostname()) return "unknown";
  try {
    process.kill(mark.pid, 0);
  } catch (error) {
    // EPERM: it lives, under another user.
    if (!(error instanceof Error && "code" in error && error.code === "EPERM")) return "dead";
  }
  return startTicksOf(mark.pid) === mark.startTicks ? "alive" : "dead";
}

function startTicksOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // Field 22; the second one, the name, may hold spaces and brackets.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}
