/** Threads beside the one that carries sound. */
import { readlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { constants, setPriority } from "node:os";
import { pathToFileURL } from "node:url";
import { Worker, type WorkerOptions } from "node:worker_threads";
import { programPart } from "./program-part.js";

/** A thread of Node 20 does not inherit the loader of its parent. */
const WITH_LOADER = `
  const { loader, entry } = require("node:worker_threads").workerData;
  import(loader).then(({ register }) => { register(); import(entry); });
`;

/**
 * Starts a module as a thread, from the sources or compiled.
 *
 * @param entry  the address of the module, without its suffix.
 * @param data   becomes the thread's `workerData`.
 */
export function startThread(entry: URL, data: object, options: WorkerOptions = {}): Worker {
  const { file } = programPart(entry);
  if (!file.endsWith(".ts")) return new Worker(file, { ...options, workerData: data });
  const api = createRequire(import.meta.url)
    .resolve("tsx/esm/api")
    .replace(/\.cjs$/, ".mjs");
  const loader = pathToFileURL(api).href;
  const workerData = { ...data, loader, entry: pathToFileURL(file).href };
  return new Worker(WITH_LOADER, { ...options, workerData, eval: true });
}

/** An error of what a thread does, with the code that it had there. */
export class ThreadError extends Error {
  readonly code: string;

  constructor(message: string, code: string) {
    super(message);
    this.code = code;
  }
}

/** A thread in the middle of a step may take longer. */
const END_MS = 2_000;

/** Asks a thread that takes null for its end to end. It is not waited for for long. */
export async function endThread(thread: Worker): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, END_MS);
    thread.once("exit", () => {
      clearTimeout(timer);
      resolve();
    });
    thread.postMessage(null);
  });
}

/**
 * The processor is for the threads that carry sound: they take it from the thread that calls this.
 * It is not the lowest priority: a tenth of a core is left for what a person waits for.
 */
export function lowerPriority(): void {
  try {
    // Linux: a thread has a number as a process has, and a priority of its own.
    const thread = readlinkSync("/proc/thread-self").split("/").at(-1);
    setPriority(Number(thread), constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // Another system: it works all the same.
  }
}
