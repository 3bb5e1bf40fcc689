/** V8's helper threads: how many processes have beside or under the sound, and what they may delay. */
import { existsSync, readdirSync } from "node:fs";
import { getPriority, setPriority } from "node:os";

/**
 * Flags for a process beside or under the sound. V8 compiles and collects garbage in four threads of
 * its own. The thread that carries sound may wait for each of them for a tick of the kernel's clock
 * (4 ms at 250 Hz), for one after the other, whatever their priorities. There is a worker for each
 * core, so that more of these threads would not be quicker either.
 *
 * An operator's --v8-pool-size (NODE_OPTIONS or command line) takes precedence.
 */
export const helperThreadFlags: readonly string[] = flagsBeside(
  process.execArgv,
  process.env["NODE_OPTIONS"],
);

/** @param given  the command line's flags, of which a process that is started inherits none. */
export function flagsBeside(given: readonly string[], nodeOptions = ""): readonly string[] {
  const own = given.filter((flag) => flag.startsWith("--v8-pool-size="));
  return own.length > 0 || nodeOptions.includes("--v8-pool-size") ? own : ["--v8-pool-size=1"];
}

/**
 * Lets the other threads that this process has come after its main thread and those that are started
 * later. They are the helpers of V8: one that has begun keeps the thread that carries sound off its
 * core until the kernel's next tick.
 *
 * @param by  added to the main thread's niceness, of which 19 is the most. The higher, the later is
 *            slow code replaced by fast while the core is full.
 */
export function lowerHelperThreads(by: number): void {
  // Only Linux gives a thread a priority of its own, and a sandbox may have no /proc.
  const tasks = "/proc/self/task";
  if (process.platform !== "linux" || !existsSync(tasks)) return;
  const niceness = Math.min(getPriority() + by, 19);
  for (const thread of readdirSync(tasks).map(Number)) {
    if (thread === process.pid) continue;
    try {
      setPriority(thread, niceness);
    } catch {
      // It has ended since, or the system does not allow it: it works all the same.
    }
  }
}
