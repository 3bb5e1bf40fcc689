/**
 * What one 20 ms frame of a call costs on its whole path, both directions: bytes of Twilio's
 * message in, checks, gaps, voice detection, echo gate, joining, append and framing; the model's
 * delta in, decoding, pacing, message out, marks. A thousand calls take turns, so that caches are
 * as cold as in production. Sockets are sinks.
 *
 * npx tsx bench/micro/call-path.bench.ts [--calls 1000] [--seconds 12] [--json FILE] [--check]
 * npx tsx bench/micro/call-path.bench.ts --beside DIR
 *
 * `--check` fails when the ratio is worse than that in call-path.json by more than a quarter.
 *
 * The yardstick runs in the same process on the same messages: `JSON.parse` and a copy. The result
 * is the ratio of both, which hardly depends on the machine. Short rounds of the two alternate, in
 * CPU time, so that a process that waits for a core is not measured; the median counts.
 *
 * Counts stand beside the times, because they are the same on every machine: bytes allocated and
 * functions entered for a call-frame by stage, the objects that a call consists of, and the memory
 * that a call-frame touches (Linux, in pages of 4 KiB, so neighbours in a page count, too).
 *
 * `--beside DIR` measures this version and that of another working copy in one process, in
 * alternating rounds: what disturbs one round disturbs its neighbour, too.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { median } from "../median.js";
import { Bench, CYCLE } from "./call-path-load.js";
import { allocated, entered, objects, profiled, touchedKiB } from "./call-path-measures.js";

const WARM_UP_TICKS = CYCLE;
/** Each alternates with as many of the yardstick. */
const ROUND_TICKS = 20;
/** Of one version in a pair. */
const PAIR_TICKS = 10;
/** A ratio is a regression when it exceeds the one in call-path.json by this factor. */
const WORSE = 1.25;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      calls: { type: "string", default: "1000" },
      seconds: { type: "string", default: "12" },
      json: { type: "string" },
      check: { type: "boolean", default: false },
      beside: { type: "string" },
    },
  });
  const calls = Number(values.calls);
  if (values.beside !== undefined) {
    await compare(values.beside, calls, Number(values.seconds));
    return 0;
  }
  const session = new Session();
  session.connect();
  const before = await objects(session);
  const bench = new Bench(calls);
  for (let i = 0; i < WARM_UP_TICKS; i++) {
    bench.tick();
    bench.emptyTick();
    bench.yardstick();
  }
  const rounds: { readonly pathNs: number; readonly yardstickNs: number }[] = [];
  const untilMs = performance.now() + Number(values.seconds) * 1000;
  while (performance.now() < untilMs) {
    let pathMs = 0;
    let yardstickMs = 0;
    for (let i = 0; i < ROUND_TICKS; i++) {
      pathMs += bench.tick() - bench.emptyTick();
      yardstickMs += bench.yardstick();
    }
    const frames = calls * ROUND_TICKS;
    rounds.push({ pathNs: (pathMs * 1e6) / frames, yardstickNs: (yardstickMs * 1e6) / frames });
  }
  const frames = calls * CYCLE;
  const cycle = (): void => {
    for (let i = 0; i < CYCLE; i++) bench.tick();
  };
  const tickKiB = touchedKiB(() => bench.tick());
  const stages = await profiled(session, cycle);
  const bytes = (await allocated(session, cycle)) / frames;
  const callObjects = ((await objects(session)) - before) / calls;
  const counts = await entered(session, cycle);
  session.disconnect();
  const result: Result = {
    calls,
    rounds: rounds.length,
    pathNs: median(rounds.map(({ pathNs }) => pathNs))!,
    leastNs: Math.min(...rounds.map(({ pathNs }) => pathNs)),
    yardstickNs: median(rounds.map(({ yardstickNs }) => yardstickNs))!,
    ratio: median(rounds.map(({ pathNs, yardstickNs }) => pathNs / yardstickNs))!,
    allocatedBytes: bytes,
    touchedKiB: tickKiB / calls,
    callObjects,
    stages: Object.fromEntries(
      [...stages]
        .sort((a, b) => b[1] - a[1])
        .map(([stage, share]) => [stage, { share, entered: (counts.get(stage) ?? 0) / frames }]),
    ),
  };
  print(result);
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
  return values.check ? check(result.ratio) : 0;
}

/** This version and another, in pairs of neighbouring rounds. */
async function compare(directory: string, calls: number, seconds: number): Promise<void> {
  const file = pathToFileURL(resolve(directory, "bench/micro/call-path-load.ts")).href;
  const other = (await import(file)) as { readonly Bench: typeof Bench };
  const [theirs, ours] = [new other.Bench(calls), new Bench(calls)];
  const round = (bench: Bench): number => {
    let ms = 0;
    for (let i = 0; i < PAIR_TICKS; i++) ms += bench.tick() - bench.emptyTick();
    return (ms * 1e6) / (calls * PAIR_TICKS);
  };
  for (let i = 0; i < WARM_UP_TICKS / PAIR_TICKS; i++) {
    round(theirs);
    round(ours);
  }
  const pairs: { readonly theirs: number; readonly ours: number }[] = [];
  const untilMs = performance.now() + seconds * 1000;
  while (performance.now() < untilMs) {
    // By turns, so that neither is always the one whose caches the other has just emptied.
    const first = pairs.length % 2 === 0 ? round(theirs) : round(ours);
    const second = pairs.length % 2 === 0 ? round(ours) : round(theirs);
    pairs.push(
      pairs.length % 2 === 0 ? { theirs: first, ours: second } : { theirs: second, ours: first },
    );
  }
  const figure = (values: readonly number[]): string =>
    `${median(values)!.toFixed(0).padStart(6)} ns (least ${Math.min(...values).toFixed(0)})`;
  console.log(
    `${calls} calls in turn, ${pairs.length} pairs of rounds, CPU time of a call-frame\n` +
      `  ${directory.padEnd(24)} ${figure(pairs.map((pair) => pair.theirs))}\n` +
      `  ${"this version".padEnd(24)} ${figure(pairs.map((pair) => pair.ours))}\n` +
      `  ${"ratio, median of pairs".padEnd(24)} ${median(pairs.map((pair) => pair.ours / pair.theirs))!.toFixed(3)}`,
  );
}

interface Result {
  readonly calls: number;
  readonly rounds: number;
  /** Median and least of the rounds, for a call-frame. */
  readonly pathNs: number;
  readonly leastNs: number;
  readonly yardstickNs: number;
  readonly ratio: number;
  /** For a call-frame. */
  readonly allocatedBytes: number;
  readonly touchedKiB: number;
  /** That a call consists of. */
  readonly callObjects: number;
  readonly stages: Readonly<Record<string, { readonly share: number; readonly entered: number }>>;
}

/** @returns 1 when the ratio is worse than the kept one by more than a quarter. */
function check(ratio: number): number {
  const kept = readFileSync(new URL("call-path.json", import.meta.url), "utf8");
  const limit = (JSON.parse(kept) as { readonly ratio: number }).ratio * WORSE;
  console.log(`  limit                  ${limit.toFixed(2)}`);
  return ratio <= limit ? 0 : 1;
}

function print(result: Result): void {
  const { calls, rounds, pathNs, leastNs, yardstickNs, ratio, stages } = result;
  const entered = Object.values(stages).reduce((sum, stage) => sum + stage.entered, 0);
  console.log(
    `${calls} calls in turn, median of ${rounds} rounds, Node ${process.version}\n` +
      `  path of a call-frame   ${pathNs.toFixed(0)} ns (least ${leastNs.toFixed(0)}), ${result.allocatedBytes.toFixed(0)} bytes allocated\n` +
      `  parse and copy         ${yardstickNs.toFixed(0)} ns\n` +
      `  ratio                  ${ratio.toFixed(2)}\n` +
      `  functions entered      ${entered.toFixed(1)}\n` +
      `  memory touched         ${result.touchedKiB.toFixed(1)} KiB; a call consists of ${result.callObjects.toFixed(0)} objects`,
  );
  for (const [stage, { share, entered: n }] of Object.entries(stages))
    console.log(
      `  ${stage.padEnd(34)} ${(share * 100).toFixed(1).padStart(5)} %  ${(share * pathNs).toFixed(0).padStart(6)} ns  ${n.toFixed(1).padStart(5)} functions`,
    );
}

process.exitCode = await main();
