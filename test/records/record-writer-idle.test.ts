import { expect, it } from "vitest";
import type { CallSid } from "../../src/domain/ids.js";
import type { RecordEvent } from "../../src/domain/record-event.js";
import type { Spool } from "../../src/ports/spool.js";
import type { CallStore } from "../../src/ports/store.js";
import { RecordWriter } from "../../src/records/record-writer.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { FakeMetrics } from "../fakes/fake-metrics.js";
import { silentLog } from "../fakes/silent-log.js";

const CALLS = 100;
const LASTS_MS = 40_000;
const sid = (n: number) => `CA${String(n).padStart(32, "0")}` as CallSid;
const opened: RecordEvent = {
  type: "opened",
  epochMs: Date.UTC(2026, 10, 21),
  agent: "support",
  direction: "inbound",
  from: "+15550001111",
  to: "+15550002222",
  path: "media-stream",
  node: "n1",
};

// The cost of a write depends on the machine. The number of writes does not.
it.each([
  { memory: true, appends: LASTS_MS / 1_000, endsWithinMs: 1_000 },
  { memory: false, appends: LASTS_MS / 200, endsWithinMs: 50 },
])(
  "writes rarely, however many calls write to it, and loses nothing by that: memory $memory",
  async (given) => {
    const clock = new FakeClock();
    const journal: number[] = [];
    const transactions: number[] = [];
    const spool = {
      writer: "n1-w1",
      buffer: () => given.memory,
      append: async (batches) =>
        void journal.push(batches.reduce((sum, { entries }) => sum + entries.length, 0)),
      discardBelow: async () => {},
      close: async () => {},
    } as Partial<Spool> as Spool;
    const store = {
      save: async (saves) => {
        transactions.push(saves.length);
        return saves.map(() => "saved" as const);
      },
      forgetWriter: async () => {},
    } as Partial<CallStore> as CallStore;
    const recordWriter = new RecordWriter(
      {
        store,
        spool,
        clock,
        log: silentLog,
        metrics: new FakeMetrics().metrics,
      },
      {
        node: "n1",
        prices: { asOf: "2026-10-15", models: new Map(), transcription: new Map() },
        redact: (text) => text,
      },
    );
    let count = 0;
    const write = (n: number, event: RecordEvent) => {
      count += 1;
      recordWriter.write(sid(n), event);
    };
    for (let n = 0; n < CALLS; n++) write(n, opened);
    for (let atMs = 0; atMs < LASTS_MS; atMs += 50) {
      for (let n = 0; n < CALLS; n += 10) write(n, { type: "note", atMs, name: "x", fields: {} });
      clock.advance(50);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(journal.length).toBeLessThanOrEqual(given.appends);
    expect(journal.reduce((sum, entries) => sum + entries, 0)).toBeGreaterThan(count - 250);
    // The beginnings, 32 per transaction. The other events wait for 45 s.
    expect(transactions).toEqual([32, 32, 32, 4]);
    for (let n = 0; n < CALLS; n++)
      write(n, { type: "ended", atMs: LASTS_MS, outcome: "completed", reason: "x" });
    clock.advance(given.endsWithinMs);
    await new Promise((resolve) => setImmediate(resolve));
    expect(journal.reduce((sum, entries) => sum + entries, 0)).toBe(count);
    await recordWriter.close();
    expect(recordWriter.health().pending).toBe(0);
  },
);
