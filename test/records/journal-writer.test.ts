import { beforeEach, describe, expect, it } from "vitest";
import { type Spool, type SpoolEntry, spoolBatch } from "../../src/ports/spool.js";
import { JournalWriter } from "../../src/records/journal-writer.js";
import { FakeLog } from "../fakes/fake-ports.js";
import { note, testSid } from "../fakes/record-events.js";

let appended: number[][];
let buffered: number[];
let diskFails: boolean;
let dropped: number;
let log: FakeLog;
let journal: JournalWriter;
let seq: number;

beforeEach(() => {
  appended = [];
  buffered = [];
  diskFails = false;
  dropped = 0;
  seq = 0;
  log = new FakeLog();
  const spool = {
    buffer: ({ entries }) => {
      buffered.push(...entries.map((entry) => entry.seq));
      return true;
    },
    append: async (batches) => {
      if (diskFails) throw new Error("ENOSPC");
      appended.push(batches.flatMap(({ entries }) => entries.map((entry) => entry.seq)));
    },
  } as Partial<Spool> as Spool;
  const metrics = {
    recordsDropped: {
      add: (count: number) => {
        dropped += count;
      },
    },
  };
  journal = new JournalWriter({ spool, log, metrics });
});

/** A batch of entries of one call. */
const batch = (count: number, n = 1) =>
  spoolBatch(
    Array.from({ length: count }, () => ({ seq: ++seq, callSid: testSid(n), event: note(seq) })),
  );
const ofCall = (n: number) => (entry: SpoolEntry) => entry.callSid === testSid(n);
const never = () => false;

describe("JournalWriter", () => {
  it("buffers a batch at once, and writes it later", async () => {
    expect(journal.add(batch(2))).toBe(true);
    expect([buffered, appended, journal.firstWaitingSeq]).toEqual([[1, 2], [], 1]);
    expect(await journal.write()).toBe(true);
    expect([appended, journal.writtenSeq]).toEqual([[[1, 2]], 2]);
    expect(journal.firstWaitingSeq).toBe(Number.POSITIVE_INFINITY);
  });

  it("writes batches together, about a thousand entries at a time", async () => {
    for (const count of [300, 300, 600, 1_500, 10]) journal.add(batch(count));
    await journal.write();
    expect(appended.map(({ length }) => length)).toEqual([1_200, 1_500, 10]);
  });

  it("keeps everything while the disk fails, and logs the change once", async () => {
    journal.add(batch(1));
    diskFails = true;
    expect([await journal.write(), await journal.write()]).toEqual([false, false]);
    expect(journal.diskWorks).toBe(false);
    journal.add(batch(1));
    diskFails = false;
    await journal.write();
    expect([appended, journal.diskWorks]).toEqual([[[1, 2]], true]);
    expect(log.lines).toEqual([
      "error records: disk failed, events kept in memory {}",
      "info records: disk works again {}",
    ]);
  });

  it("sheds what needs no journal", async () => {
    journal.add(batch(1, 1));
    journal.add(batch(1, 2));
    journal.shed(ofCall(2), never);
    expect([journal.someWaiting(ofCall(1)), journal.someWaiting(ofCall(2))]).toEqual([false, true]);
    expect(dropped).toBe(0);
  });

  it("sheds the oldest beyond 50,000 entries, and counts what no other place has", () => {
    journal.add(batch(30_000, 1));
    journal.add(batch(5, 2));
    journal.add(batch(40_000, 3));
    journal.shed(() => true, ofCall(1));
    expect([1, 2, 3].map((n) => journal.someWaiting(ofCall(n)))).toEqual([false, true, true]);
    expect(dropped).toBe(30_000);
  });
});
