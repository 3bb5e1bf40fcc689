/**
 * Keeps V8's young generation small. The relay's garbage is short-lived and steady: a few hundred
 * bytes for each frame that arrives. With V8's default of up to 16 MiB per half the process grows
 * by tens of megabytes, and each collection stops every call for longer. This module must be
 * imported before anything that allocates much: the generation never shrinks.
 *
 * An operator's --max-semi-space-size or --semi-space-growth-factor (NODE_OPTIONS or command line)
 * takes precedence.
 */
import { setFlagsFromString } from "node:v8";

const given = [...process.execArgv, process.env["NODE_OPTIONS"] ?? ""].join(" ");
const chosen = /semi.space/.test(given);
// The maximum is fixed once Node runs. The growth of the halves from 1 MiB is not.
if (!chosen) setFlagsFromString("--semi-space-growth-factor=1");

/**
 * For the command line of a process that this one starts. Modules load before the first of them
 * runs, and loading the relay's grows the generation to 16 MiB. Here the maximum counts: V8 takes
 * a growth factor of 1 on the command line for 2. With 1 MiB, what a beginning call needs for a
 * moment would become old before it is garbage, and stay for minutes.
 */
export const youngGenerationFlags: readonly string[] = chosen
  ? []
  : ["--min-semi-space-size=2", "--max-semi-space-size=2"];

/**
 * Lets the heap grow by half from one full collection to the next. By itself V8 begins one for every
 * few megabytes that the first hundreds of calls need, and each delays sound for a tenth of a second:
 * marking shares its core, and the final pause stops it.
 *
 * An operator's --heap-growing-percent takes precedence.
 */
export function growHeapByHalf(): void {
  if (!/heap.growing.percent/.test(given)) setFlagsFromString("--heap-growing-percent=50");
}
