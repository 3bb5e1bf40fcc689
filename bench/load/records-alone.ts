/**
 * Record keeping alone: a process that does nothing but record what the calls of a run told, as they told it, and measures its own
 * CPU time. Other programs on the machine change little of that. Arguments: the file that `bare-relay.ts` wrote, a directory.
 * Prints `{cpuMs, idleMs}`: both in ms, for the whole run; the second is what the replaying alone costs.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SpoolFiles } from "../../src/adapters/spool-files.js";
import { openStore } from "../../src/adapters/store/open-store.js";
import { systemClock } from "../../src/adapters/system-clock.js";
import { readPriceTable } from "../../src/agents/price-table.js";
import type { CallSid, Log } from "../../src/ports.js";
import type { CallJournal, RecordEvent } from "../../src/records/record-event.js";
import { Recorder } from "../../src/records/recorder.js";
import { createRedact } from "../../src/records/redact.js";

export interface RecordedMoment {
  /** On any clock. */
  readonly atMs: number;
  readonly callSid: CallSid;
  readonly event: RecordEvent;
}

export interface CpuAlone {
  readonly cpuMs: number;
  readonly idleMs: number;
}

/** A relay under load wakes up at least so often: what falls into a turn of its loop anyway costs no waking. */
const TICK_MS = 2;
const WARM_UP_ROUNDS = 5;

async function replay(moments: readonly RecordedMoment[], journal: CallJournal): Promise<number> {
  const before = process.cpuUsage();
  const beganMs = performance.now() - (moments[0]?.atMs ?? 0);
  let next = 0;
  await new Promise<void>((resolve) => {
    const tick = setInterval(() => {
      const nowMs = performance.now() - beganMs;
      for (let moment = moments[next]; moment !== undefined && moment.atMs <= nowMs; moment = moments[next]) {
        next++;
        journal.write(moment.callSid, moment.event);
      }
      if (next < moments.length) return;
      clearInterval(tick);
      resolve();
    }, TICK_MS);
  });
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

const log: Log = {
  child: () => log,
  debug: () => {},
  info: () => {},
  warn: (text) => console.error(text),
  error: (text) => console.error(text),
};

async function measure(file: string, directory: string): Promise<CpuAlone> {
  const lines = readFileSync(file, "utf8").split("\n");
  // Written by bare-relay.ts.
  const moments = lines.flatMap((line) => (line === "" ? [] : [JSON.parse(line) as RecordedMoment]));
  const store = await openStore(`sqlite:${join(directory, "alone.db")}`, () => {});
  const spool = await SpoolFiles.open(join(directory, "spool"), "alone", {
    epochMs: () => systemClock.epochMs(),
  });
  const recorder = new Recorder(
    {
      store,
      spool,
      clock: systemClock,
      log,
      metrics: { recordsPending: () => {}, recordsDropped: () => {} },
    },
    {
      node: "alone",
      prices: readPriceTable(null),
      redact: createRedact({ cardNumbers: true, patterns: [] }),
    },
  );
  recorder.start();
  // A relay that has run for a while has its functions compiled.
  for (let round = 0; round < WARM_UP_ROUNDS; round++) {
    for (const { callSid, event } of moments) recorder.write(`${callSid}-${round}` as CallSid, event);
    await recorder.flush();
  }
  const idleMs = await replay(moments, { write: () => {} });
  const cpuMs = await replay(moments, recorder);
  await recorder.close();
  await store.close();
  return { cpuMs, idleMs };
}

const [file, directory] = process.argv.slice(2);
if (process.argv[1]?.endsWith("records-alone.ts") === true && file !== undefined && directory !== undefined)
  console.log(JSON.stringify(await measure(file, directory)));
