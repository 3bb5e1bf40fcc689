/**
 * The attacker, the phones, the model and a database server have machines of their own; here they
 * share the relay's cores. Linux lets a thread that wakes up wait for up to a tick (4 ms at 250 Hz)
 * for one that runs, whatever their nice values. It does not wait for an idle thread, nor does a
 * real-time one wait for any other: so the attacks and the server are idle and the measurement is
 * real-time. Only root may choose that.
 */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { setPriority } from "node:os";

const LEAST_PRIORITY = 19;

/** Runs an attack with what the others leave of the cores. */
export async function fromElsewhere<T>(attack: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) return await attack();
  const isIdle = schedule(["--idle", "--all-tasks"], 0);
  if (!isIdle) setPriorities(LEAST_PRIORITY);
  try {
    return await attack();
  } finally {
    if (isIdle) schedule(["--other", "--all-tasks"], 0);
    else setPriorities(0);
  }
}

/** The main thread of this process runs as soon as it has something to do. */
export function runAtOnce(): void {
  if (process.getuid?.() === 0) schedule(["--rr"], 1);
}

/** What this process starts from now on runs elsewhere, too, as a database server does. */
export function startsElsewhere(pid: number): void {
  if (process.getuid?.() === 0) schedule(["--idle"], 0, pid);
}

/** @returns false: the system has no such policies, or no `chrt` (util-linux). */
function schedule(policy: readonly string[], priority: number, pid = process.pid): boolean {
  const args = [...policy, "--pid", String(priority), String(pid)];
  return spawnSync("chrt", args, { stdio: "ignore" }).status === 0;
}

/** Of all threads: V8's helpers compile the attacks and collect their garbage. */
function setPriorities(priority: number): void {
  setPriority(priority);
  for (const thread of process.platform === "linux" ? readdirSync("/proc/self/task") : [])
    setPriority(Number(thread), priority);
}
