/** `npm run test:faults -- [NAME…] [--quick]`: see `docs/fault-checks.md`. */
import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { compile } from "../compiled-relay.js";
import { useCompiled } from "../fakes/relay-node.js";
import { FAULT_CASES } from "./cases.js";
import type { FaultCase } from "./fault-case.js";
import { writePage } from "./page.js";
import { type CaseResult, leakOf, rehearse, runCase, UNMEASURED } from "./run-case.js";
import { World } from "./world.js";

/** Sockets of refused peers and of calls that have ended are gone by then. */
const SETTLE_MS = 15_000;
/** Beside each case. */
const STEADY_CALLS = 4;

const { values, positionals: names } = parsed();
const quick = values.quick;
const unknown = names.filter((name) => !FAULT_CASES.some((one) => one.name === name));
if (unknown.length > 0) wrongUsage(`no such case: ${unknown.join(", ")}`);
if (values.help) {
  console.log(usage());
  process.exit(0);
}
const chosen =
  names.length === 0 ? FAULT_CASES : FAULT_CASES.filter(({ name }) => names.includes(name));
// The relays end with this process, also when what it prints is no longer read.
process.stdout.on("error", () => process.exit(1));
for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const)
  process.once(signal, () => process.exit(1));
const build = await compile();
process.on("exit", () => rmSync(build, { recursive: true, force: true }));
useCompiled(build);
const results = await runAll(chosen.filter(({ quick: isQuick }) => isQuick === true || !quick));
const failed = results.filter(({ failure }) => failure !== null);
if (names.length === 0 && !quick) writePage(results);
const missing = results.filter((result) => result.missing !== null);
if (missing.length > 0) console.log(`not run: ${missing.length}`);
const held = results.length - failed.length - missing.length;
console.log(failed.length === 0 ? `${held} hold` : `failed: ${failed.length}`);
process.exit(failed.length === 0 ? 0 : 1);

/** An unknown option must not run everything and write the page anew. */
function parsed() {
  const options = {
    quick: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  } as const;
  try {
    return parseArgs({ options, allowPositionals: true });
  } catch (error) {
    return wrongUsage(error instanceof Error ? error.message : String(error));
  }
}

function wrongUsage(problem: string): never {
  console.error(`${problem}\n${usage()}`);
  process.exit(2);
}

function usage(): string {
  const cases = FAULT_CASES.map(({ name, what }) => `  ${name.padEnd(24)} ${what}`);
  return ["npm run test:faults -- [NAME…] [--quick]", "The cases:", ...cases].join("\n");
}

async function runAll(cases: readonly FaultCase[]): Promise<CaseResult[]> {
  const results: CaseResult[] = [];
  const add = (result: CaseResult): void => {
    results.push(result);
    console.log(lineOf(result));
  };
  const beside = cases.filter(({ alone, own }) => alone !== true && own === undefined);
  if (beside.length > 0) {
    const world = await World.start({ calls: STEADY_CALLS });
    try {
      // Code that is compiled, tables that are filled and threads that start once are no leak.
      for (const one of beside) await rehearse(one, world);
      const before = await world.inspector.resources();
      for (const one of beside) add(await runCase(one, world));
      let leak = leakOf(before, await world.inspector.resources());
      if (leak !== null) {
        await sleep(SETTLE_MS);
        leak = leakOf(before, await world.inspector.resources());
      }
      add({ ...UNMEASURED, name: "no-leak", failure: leak, seconds: 0 });
    } finally {
      await world.stop();
    }
  }
  for (const one of cases.filter((one) => !beside.includes(one))) add(await runCase(one, null));
  return results;
}

function lineOf({ name, failure, missing, quiet, fault, seconds, blocks }: CaseResult): string {
  const result = failure !== null ? "FAILS" : missing !== null ? "–    " : "holds";
  const why = failure ?? (missing === null ? "" : `not run: ${missing}`);
  const steady =
    quiet === null || fault === null
      ? ""
      : `p99 ${quiet.p99Ms.toFixed(1)} → ${fault.p99Ms.toFixed(1)} ms, ` +
        `gap ${quiet.gapMs.toFixed(0)} → ${fault.gapMs.toFixed(0)} ms ` +
        `(own: ${quiet.own.p99Ms.toFixed(1)} → ${fault.own.p99Ms.toFixed(1)}, ` +
        `${quiet.own.gapMs.toFixed(0)} → ${fault.own.gapMs.toFixed(0)})  ${blocks}`;
  return `${result}  ${name.padEnd(24)} ${seconds.toFixed(1).padStart(5)} s  ${steady} ${why}`;
}
