/** How many files and sockets this process may have open, and how near it is to that. */
import { closeSync, openSync, readFileSync } from "node:fs";
import { devNull } from "node:os";

/** A call has two sockets: Twilio's and the model's. */
const PER_CALL = 2;
/** Files, the database, listeners, operators and webhooks beside the calls. */
const BESIDE_CALLS = 256;

/**
 * The limit of this process. Node raises it to the hard limit when it starts.
 *
 * @returns  null where it is not known (no /proc) or there is none.
 */
export function descriptorLimit(limits: () => string = readLimits): number | null {
  let text: string;
  try {
    text = limits();
  } catch {
    return null;
  }
  const soft = /^Max open files\s+(\d+)/m.exec(text)?.[1];
  return soft === undefined ? null : Number(soft);
}

/** What a process needs that carries this many calls. */
export function descriptorsNeeded(maxCalls: number): number {
  return PER_CALL * maxCalls + BESIDE_CALLS;
}

/**
 * The lowest free descriptor: about as many are open below it.
 *
 * @returns  null: none is free.
 */
export function lowestFreeDescriptor(): number | null {
  let descriptor: number;
  try {
    descriptor = openSync(devNull, "r");
  } catch {
    return null;
  }
  closeSync(descriptor);
  return descriptor;
}

/** For those who accept connections while enough are left. */
export function ownDescriptors() {
  return { limit: descriptorLimit(), lowestFree: lowestFreeDescriptor };
}

function readLimits(): string {
  return readFileSync("/proc/self/limits", "utf8");
}
