/**
 * Keeps the harness from standing still. While it does, it neither sends frames nor stamps those
 * that arrive, so that its own pauses would count as the relay's delay.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { lowerHelperThreads } from "../../src/adapters/system/helper-threads.js";

const LOWER_BY = 19;

export function keepProcessSteady(): void {
  // The command line keeps the young generation as small as a relay's (v8-flags.ts). Here it may
  // grow, or what is needed for a second would become old.
  setFlagsFromString("--semi-space-growth-factor=2");
  // A full collection stops everything for 8 ms. The next one is due at 21 times the heap
  // that this one measures.
  setFlagsFromString("--heap-growing-percent=2000");
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  // Helpers of V8, and the thread of the TypeScript loader.
  lowerHelperThreads(LOWER_BY);
}
