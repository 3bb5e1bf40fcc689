/**
 * The process that reads agents files and compiles JSON Schemas while others carry sound, one job
 * after the other. The sound goes first: it lowers its priority before it loads anything.
 */
import { readdirSync } from "node:fs";
import { constants, setPriority } from "node:os";
import type { AgentsJob, FromAgentsJob, FromAgentsProcess } from "./read-apart.js";

/**
 * As of tools. An operator waits for the result: with the lowest one it takes a minute when every
 * core is busy.
 */
const PRIORITY = constants.priority.PRIORITY_BELOW_NORMAL;

/**
 * Linux gives each thread a priority of its own. The helpers of V8, which compile and collect
 * garbage, are as busy as the main thread.
 */
function lowerPriority(): void {
  try {
    setPriority(PRIORITY);
    const threads = process.platform === "linux" ? readdirSync("/proc/self/task") : [];
    for (const thread of threads) setPriority(Number(thread), PRIORITY);
  } catch {
    // The system does not allow it: it works all the same.
  }
}

/** After a large file. The compiler of schemas keeps something of each. */
const MAX_HEAP_BYTES = 96 * 1024 * 1024;

function send(message: FromAgentsJob): void {
  const isSpent = message.type !== "part" && process.memoryUsage().heapUsed > MAX_HEAP_BYTES;
  const sent: FromAgentsProcess = isSpent ? { ...message, isSpent } : message;
  if (process.connected) process.send?.(sent);
}

lowerPriority();
// It is meant for the relay, and sent to the whole process group.
process.on("SIGHUP", () => undefined);
process.on("disconnect", () => process.exit());
process.on("message", (job) => {
  void import("./agents-job.js").then(({ runAgentsJob }) => runAgentsJob(job as AgentsJob, send));
});
