/** Lowers its priority and tells it. */
import { readlinkSync } from "node:fs";
import { getPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { lowerPriority } from "../../../src/adapters/system/threads.js";

lowerPriority();
const thread = readlinkSync("/proc/thread-self").split("/").at(-1);
parentPort?.postMessage({ name: workerData.name, priority: getPriority(Number(thread)) });
