/**
 * A process that writes records of call after call until it is killed: `record-writing.ts
 * DATABASE_URL SPOOL_DIR FIRST COUNT`. Each call has FIRST + n in its SID, and 3 turns. It prints
 * "ended N" as soon as the end of a call is written, and "done" when all COUNT calls are in the
 * database.
 */

import { SpoolFiles } from "../../src/adapters/journal/spool-files.js";
import { openStore } from "../../src/adapters/store/open-store.js";
import { systemClock } from "../../src/adapters/system/system-clock.js";
import type { CallSid, ItemId } from "../../src/domain/ids.js";
import { RecordWriter } from "../../src/records/record-writer.js";
import { FakeMetrics } from "./fake-metrics.js";
import { silentLog } from "./silent-log.js";

const [databaseUrl = "", spoolDirectory = "", first = "0", count = "0"] = process.argv.slice(2);
const LIVE_AT_ONCE = 20;

const store = await openStore(databaseUrl, () => {});
const spool = await SpoolFiles.open(spoolDirectory, "writer", { epochMs: () => Date.now() });
const recordWriter = new RecordWriter(
  {
    store,
    spool,
    clock: systemClock,
    log: silentLog,
    metrics: new FakeMetrics().metrics,
  },
  {
    node: "n1",
    prices: { asOf: "2026-10-15", models: new Map(), transcription: new Map() },
    redact: (text) => text,
  },
);
recordWriter.start();

const sidOf = (n: number) => `CA${String(n).padStart(32, "0")}` as CallSid;
const begin = (n: number) => {
  const callSid = sidOf(n);
  recordWriter.write(callSid, {
    type: "opened",
    epochMs: Date.now(),
    agent: "support",
    direction: "inbound",
    from: "+15550001111",
    to: "+15550002222",
    path: "media-stream",
    node: "n1",
  });
  turn(n, 0);
};
const turn = (n: number, k: number) => {
  const itemId = `item_${n}_${k}` as ItemId;
  recordWriter.write(sidOf(n), {
    type: "agent_turn",
    itemId,
    startedMs: k * 1_000,
    voiceToVoiceMs: 500,
  });
  recordWriter.write(sidOf(n), { type: "agent_text", itemId, text: `Turn ${k} of call ${n}.` });
  recordWriter.write(sidOf(n), {
    type: "agent_heard",
    itemId,
    endedMs: k * 1_000 + 900,
    heardMs: 900,
    receivedMs: 900,
    interruptedAtMs: null,
  });
};
const end = (n: number) => {
  turn(n, 1);
  turn(n, 2);
  recordWriter.write(sidOf(n), {
    type: "ended",
    atMs: 3_000,
    outcome: "completed",
    reason: "caller_hung_up",
  });
  // Nothing was awaited since the end was written.
  console.log(`ended ${n}`);
};

const last = Number(first) + Number(count);
let next = Number(first);
const tick = setInterval(() => {
  for (let i = 0; i < 5 && next < last + LIVE_AT_ONCE; i++, next++) {
    if (next < last) begin(next);
    if (next - LIVE_AT_ONCE >= Number(first)) end(next - LIVE_AT_ONCE);
  }
  if (next < last + LIVE_AT_ONCE) return;
  clearInterval(tick);
  void finish();
}, 5);

async function finish(): Promise<void> {
  while (recordWriter.health().pending > 0 || !recordWriter.health().database) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    await recordWriter.flush().catch(() => undefined);
  }
  await recordWriter.close();
  await store.close();
  console.log("done");
}
