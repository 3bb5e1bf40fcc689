import { setTimeout as sleep } from "node:timers/promises";
import type { FaultCase } from "./fault-case.js";
import type { Resources } from "./inspector.js";
import type { Measured } from "./steady.js";
import { World } from "./world.js";

/** How far the steady calls may move from the quiet phase right before the case. */
export const MOST_P99_MS = 5;
export const MOST_GAP_MS = 20;
/** Of the relay, from the first case to the last. */
const MOST_LEAK_BYTES = 5 * 1024 * 1024;
/** Sockets that are being closed, and connections that are kept for the next request. */
const SPARE_DESCRIPTORS = 6;
const SPARE_TIMERS = 12;

const PHASE_MS = 2000;

export interface CaseResult {
  readonly name: string;
  /** Null: it holds. */
  readonly failure: string | null;
  readonly quiet: Measured | null;
  readonly fault: Measured | null;
  readonly seconds: number;
  /** Blocks of more than 5 ms of the relay's event loop meanwhile, by cause. */
  readonly blocks: string;
}

/** Runs one case on a running relay, or on one of its own. */
export async function runCase(one: FaultCase, world: World | null): Promise<CaseResult> {
  const startedMs = performance.now();
  let blocks = "";
  const result = (failure: string | null, quiet: Measured | null, fault: Measured | null) => ({
    blocks,
    name: one.name,
    failure,
    quiet,
    fault,
    seconds: (performance.now() - startedMs) / 1000,
  });
  if (one.alone === true || world === null) {
    const own = await World.start(false);
    try {
      return result(await failureOf(one, own), null, null);
    } finally {
      await own.stop();
    }
  }
  const { steady } = world;
  steady.begin();
  await sleep(PHASE_MS);
  const quiet = await steady.end();
  const before = await world.blocks();
  steady.begin();
  const [failure] = await Promise.all([failureOf(one, world), sleep(PHASE_MS)]);
  await world.tidyUp();
  const fault = await steady.end();
  blocks = blocksBetween(before, await world.blocks());
  const moved =
    steadyFailure(quiet, fault) ??
    (steady.lost.length > 0 ? `steady calls ended: ${steady.lost.length}` : null);
  return result(failure ?? moved, quiet, fault);
}

function blocksBetween(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): string {
  const grown = [...after].map(([cause, seconds]) => {
    const ms = (seconds - (before.get(cause) ?? 0)) * 1000;
    return ms < 1 ? "" : `${cause} ${ms.toFixed(0)} ms`;
  });
  return grown.filter((text) => text !== "").join(", ");
}

async function failureOf(one: FaultCase, world: World): Promise<string | null> {
  try {
    await one.run(world);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** What of the steady calls moved too far; null: nothing. */
export function steadyFailure(quiet: Measured, fault: Measured): string | null {
  if (fault.p99Ms - quiet.p99Ms > MOST_P99_MS)
    return `uplink p99 ${quiet.p99Ms.toFixed(1)} → ${fault.p99Ms.toFixed(1)} ms`;
  if (fault.gapMs - quiet.gapMs > MOST_GAP_MS)
    return `longest gap ${quiet.gapMs.toFixed(1)} → ${fault.gapMs.toFixed(1)} ms`;
  return fault.lost > quiet.lost ? `${fault.lost} frames of steady calls lost` : null;
}

/** What the relay holds more than before; null: nothing. */
export function leakOf(before: Resources, after: Resources): string | null {
  const grown: string[] = [];
  const bytes = after.memory - before.memory;
  if (bytes > MOST_LEAK_BYTES) grown.push(`${(bytes / 1024 / 1024).toFixed(1)} MB`);
  if (after.descriptors > before.descriptors + SPARE_DESCRIPTORS)
    grown.push(`${after.descriptors - before.descriptors} descriptors`);
  if (after.timers > before.timers + SPARE_TIMERS)
    grown.push(`${after.timers - before.timers} timers`);
  return grown.length === 0 ? null : grown.join(", ");
}
