import { setTimeout as sleep } from "node:timers/promises";
import type { FaultCase, OwnRelay } from "./fault-case.js";
import type { Resources } from "./inspector.js";
import { fromElsewhere } from "./priorities.js";
import type { Measured, Moved } from "./steady.js";
import { World } from "./world.js";

/** How far the steady calls may move from the quiet phase right before the case. */
export const MOST_P99_MS = 5;
export const MOST_GAP_MS = 20;
/** In any single round. */
const MOST_STANDSTILL_MS = 150;
/** Of the relay, from the first case to the last. */
const MOST_LEAK_BYTES = 5 * 1024 * 1024;
/** Sockets that are being closed, and connections that are kept for the next request. */
const SPARE_DESCRIPTORS = 6;
const SPARE_TIMERS = 12;

/** Quiet and attacked in turn, so that whatever else the machine does meets both. */
const ROUNDS = 3;
const PHASE_MS = 2000;

export interface CaseResult {
  readonly name: string;
  /** Null: it holds, or could not be run. */
  readonly failure: string | null;
  /** What is not installed; null: it has been run. */
  readonly missing: string | null;
  /** Medians of the rounds; null: no steady calls ran. */
  readonly quiet: Measured | null;
  readonly fault: Measured | null;
  readonly seconds: number;
  /** Blocks of more than 5 ms of the relay's event loop meanwhile, by cause. */
  readonly blocks: string;
}

type Outcome = Pick<CaseResult, "failure" | "missing" | "quiet" | "fault" | "blocks">;

export const UNMEASURED: Outcome = {
  failure: null,
  missing: null,
  quiet: null,
  fault: null,
  blocks: "",
};

/** Runs one case on a running relay, or on one of its own. */
export async function runCase(one: FaultCase, world: World | null): Promise<CaseResult> {
  const startedMs = performance.now();
  const outcome =
    one.own !== undefined
      ? await onOwnRelay(one, one.own)
      : one.alone === true || world === null
        ? await alone(one)
        : await measured(one, world);
  return { name: one.name, ...outcome, seconds: (performance.now() - startedMs) / 1000 };
}

/** Once and unmeasured; what does not hold is told when it is measured. */
export async function rehearse(one: FaultCase, world: World): Promise<void> {
  await fromElsewhere(() => failureOf(one, world));
  await world.tidyUp();
}

async function alone(one: FaultCase): Promise<Outcome> {
  const own = await World.start({ calls: 0 });
  try {
    return { ...UNMEASURED, failure: await failureOf(one, own) };
  } finally {
    await own.stop();
  }
}

async function onOwnRelay(one: FaultCase, { calls, prepare }: OwnRelay): Promise<Outcome> {
  const prepared = await prepare();
  if ("missing" in prepared) return { ...UNMEASURED, missing: prepared.missing };
  const { env, remove } = prepared;
  try {
    const own = await World.start({ calls, env });
    try {
      return await measured(one, own);
    } finally {
      await own.stop();
    }
  } finally {
    await remove();
  }
}

async function measured(one: FaultCase, world: World): Promise<Outcome> {
  const { steady } = world;
  const quiet: Measured[] = [];
  const fault: Measured[] = [];
  const before = await world.blocks();
  let failure: string | null = null;
  for (let round = 0; round < ROUNDS && failure === null; round++) {
    steady.begin();
    await sleep(PHASE_MS);
    quiet.push(await steady.end());
    steady.begin();
    [failure] = await Promise.all([fromElsewhere(() => failureOf(one, world)), sleep(PHASE_MS)]);
    await world.tidyUp();
    fault.push(await steady.end());
  }
  const medians = { quiet: medianOf(quiet), fault: medianOf(fault) };
  const moved =
    steadyFailure(medians.quiet, medians.fault) ??
    standstill(quiet, fault) ??
    (steady.lost.length > 0 ? `steady calls ended: ${steady.lost.length}` : null);
  const blocks = blocksBetween(before, await world.blocks());
  return { failure: failure ?? moved, missing: null, ...medians, blocks };
}

/** Each figure's median. A lost frame is no matter of chance: all count. */
export function medianOf(rounds: readonly Measured[]): Measured {
  const median = (of: (round: Measured) => number): number =>
    rounds.map(of).sort((a, b) => a - b)[Math.floor(rounds.length / 2)] ?? 0;
  return {
    p99Ms: median(({ p99Ms }) => p99Ms),
    gapMs: median(({ gapMs }) => gapMs),
    lost: rounds.reduce((sum, { lost }) => sum + lost, 0),
    own: {
      p99Ms: median(({ own }) => own.p99Ms),
      gapMs: median(({ own }) => own.gapMs),
    },
  };
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

/** What of the steady calls moved too far, by the clock; null: nothing. */
export function steadyFailure(quiet: Measured, fault: Measured): string | null {
  if (fault.p99Ms - quiet.p99Ms > MOST_P99_MS)
    return movedText("uplink p99", quiet, fault, ({ p99Ms }) => p99Ms);
  if (fault.gapMs - quiet.gapMs > MOST_GAP_MS)
    return movedText("longest gap", quiet, fault, ({ gapMs }) => gapMs);
  return fault.lost > quiet.lost ? `${fault.lost} frames of steady calls lost` : null;
}

/** A caller hears each of them, so the median of the rounds excuses none. */
export function standstill(quiet: readonly Moved[], fault: readonly Moved[]): string | null {
  const longest = (rounds: readonly Moved[]): number =>
    Math.max(...rounds.map(({ gapMs }) => gapMs));
  const [before, during] = [longest(quiet), longest(fault)];
  return during - before <= MOST_STANDSTILL_MS
    ? null
    : `a gap of ${during.toFixed(0)} ms in one round, ${before.toFixed(0)} ms at most without it`;
}

function movedText(
  what: string,
  quiet: Measured,
  fault: Measured,
  of: (moved: Moved) => number,
): string {
  const text = (from: Moved, to: Moved): string =>
    `${of(from).toFixed(1)} → ${of(to).toFixed(1)} ms`;
  return `${what} ${text(quiet, fault)}; ${text(quiet.own, fault.own)} without waiting for a core`;
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
