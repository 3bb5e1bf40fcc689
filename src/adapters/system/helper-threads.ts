/** V8's helper threads: how many each process has, and how far they give way to sound. */
import { readdirSync, readlinkSync } from "node:fs";
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
 * Lets the other threads that this process has come after its main thread, and after those that the
 * main thread starts later. They are the helpers of V8, of which one that has begun keeps the thread
 * that carries sound off its core until the kernel's next tick, and the pool of libuv, which loading
 * modules has started: it looks up names, and reads and writes files.
 *
 * @param by  added to the main thread's niceness, of which 19 is the most. The higher it is, the later
 *            optimized code replaces slow code while the core is full.
 */
export function lowerHelperThreads(by: number): void {
  try {
    // Only Linux gives a thread a priority of its own. /proc may be that of another namespace.
    if (readlinkSync("/proc/self") !== String(process.pid)) return;
    const niceness = Math.min(getPriority() + by, 19);
    for (const thread of readdirSync("/proc/self/task").map(Number))
      if (thread !== process.pid) lower(thread, niceness);
  } catch {
    // Another system, or one that does not allow it: it works all the same.
  }
}

function lower(thread: number, niceness: number): void {
  try {
    setPriority(thread, niceness);
  } catch {
    // It has ended since, or the system does not allow it.
  }
}
