import { mkdtempSync, rmSync } from "node:fs";
import { readdir, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { SpoolFiles } from "../../src/adapters/journal/spool-files.js";
import { openStore } from "../../src/adapters/store/open-store.js";
import { RelayError } from "../../src/domain/errors.js";
import type { CallSid, ItemId, StreamSid } from "../../src/domain/ids.js";
import type { RecordEvent } from "../../src/domain/record-event.js";
import type { Spool } from "../../src/ports/spool.js";
import type { CallStore, Store } from "../../src/ports/store.js";
import { RecordWriter } from "../../src/records/record-writer.js";
import { createRedact } from "../../src/records/redact.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { FakeMetrics } from "../fakes/fake-metrics.js";
import { silentLog } from "../fakes/silent-log.js";
import { storedRecords } from "../fakes/stored-records.js";
import { storeKinds } from "../fakes/stores.js";

const sid = (n: number) => `CA${String(n).padStart(32, "0")}` as CallSid;
const item = (id: string) => id as ItemId;
const fail = (error: Error) => {
  throw error;
};

/** The events of a short call, including its end. */
function callEvents(n: number): RecordEvent[] {
  return [
    {
      type: "opened",
      epochMs: Date.UTC(2026, 10, 21) + n,
      agent: "support",
      direction: "inbound",
      from: "+15550001111",
      to: "+15550002222",
      path: "media-stream",
      node: "n1",
    },
    { type: "stream_started", atMs: 10, streamSid: `MZ${n}` as StreamSid },
    { type: "agent_turn", itemId: item(`g${n}`), startedMs: 300, voiceToVoiceMs: null },
    { type: "agent_text", itemId: item(`g${n}`), text: "Hello, how can I help?" },
    {
      type: "agent_heard",
      itemId: item(`g${n}`),
      endedMs: 2_000,
      heardMs: 1_700,
      receivedMs: 1_700,
      interruptedAtMs: null,
    },
    { type: "caller_turn", itemId: item(`q${n}`), startedMs: 2_500, endedMs: 4_000 },
    { type: "caller_text", itemId: item(`q${n}`), text: "Charge 4242 4242 4242 4242 please" },
    { type: "ended", atMs: 5_000, outcome: "completed", reason: "caller_hung_up" },
  ];
}

/** A database and a disk that a test can make fail. */
function faulty(store: Store, spool: SpoolFiles) {
  const faults = { database: false, disk: false, loseAnswers: 0, refuse: "" };
  const away = () => new RelayError("store_unavailable", "away", { retryable: true });
  const faultyStore: CallStore = {
    ...store,
    save: async (saves) => {
      if (faults.database) throw away();
      if (saves.some((save) => save.callSid === faults.refuse))
        throw new RelayError("internal", "refused");
      const outcomes = await store.save(saves);
      if (faults.loseAnswers > 0) {
        faults.loseAnswers -= 1;
        throw away();
      }
      return outcomes;
    },
    loadMany: async (callSids) => {
      if (faults.database) throw away();
      return await store.loadMany(callSids);
    },
  };
  const faultySpool: Spool = {
    writer: spool.writer,
    get bytes() {
      return spool.bytes;
    },
    buffer: (batch) => spool.buffer(batch),
    append: async (batches) => {
      if (faults.disk) throw new Error("ENOSPC");
      await spool.append(batches);
    },
    read: (fromSeq) => spool.read(fromSeq),
    discardBelow: async (seq) => await spool.discardBelow(seq),
    orphans: async () => await spool.orphans(),
    heartbeat: async () => await spool.heartbeat(),
    quarantine: async (callSid, json) => await spool.quarantine(callSid, json),
    close: async () => await spool.close(),
  };
  return { faults, store: faultyStore, spool: faultySpool };
}

describe.each(storeKinds())("RecordWriter on $name", (kind) => {
  if (kind.skipped !== null) {
    it.skip(`is not tested: ${kind.skipped}`, () => {});
    return;
  }

  let home: string;
  let store: Store;
  let clock: FakeClock;
  let metrics: FakeMetrics;
  let recovered: string[];

  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), "murelay-records-"));
    store = await openStore(await kind.newDatabase(), fail);
    clock = new FakeClock();
    metrics = new FakeMetrics();
    recovered = [];
  });
  afterEach(async () => {
    await store.close();
    rmSync(home, { recursive: true, force: true });
  });
  afterAll(async () => await kind.dispose());

  async function newWriter(name = "n1-w1") {
    const spool = await SpoolFiles.open(home, name, { epochMs: () => Date.now() });
    const world = faulty(store, spool);
    const recordWriter = new RecordWriter(
      {
        store: world.store,
        spool: world.spool,
        clock,
        log: silentLog,
        recovered: (callSid) => recovered.push(callSid),
        metrics: metrics.metrics,
      },
      {
        node: "n1",
        prices: { asOf: "2026-10-15", models: new Map(), transcription: new Map() },
        redact: createRedact({ cardNumbers: true, patterns: [] }),
      },
    );
    return { recordWriter, ...world, writer: spool.writer };
  }

  const segments = async (writer: string) =>
    (await readdir(join(home, writer))).filter((name) => name.endsWith(".jsonl"));

  it("stores a call with all its turns, redacted, and deletes its journal", async () => {
    const { recordWriter, writer } = await newWriter();
    for (const event of callEvents(1)) recordWriter.write(sid(1), event);
    await recordWriter.flush();
    const stored = await store.load(sid(1));
    expect(stored?.record).toMatchObject({ outcome: "completed", streamSid: "MZ1" });
    expect(stored?.record.turns.map((turn) => turn.text)).toEqual([
      "Hello, how can I help?",
      "Charge [card] please",
    ]);
    expect(stored?.record.turns[0]?.heardText).toBe("Hello, how can I help?");
    expect(recordWriter.health()).toEqual({ database: true, disk: true, pending: 0 });
    expect(await segments(writer)).toEqual([]);
    await recordWriter.close();
    expect(await readdir(home)).toEqual([]);
  });

  it("stores a call once although the answer to the commit was lost", async () => {
    const { recordWriter, faults } = await newWriter();
    faults.loseAnswers = 1;
    for (const event of callEvents(1).slice(0, 6)) recordWriter.write(sid(1), event);
    await expect(recordWriter.flush()).rejects.toMatchObject({ code: "store_unavailable" });
    for (const event of callEvents(1).slice(6)) recordWriter.write(sid(1), event);
    await recordWriter.flush();
    const stored = await store.load(sid(1));
    expect(stored?.record.turns).toHaveLength(2);
    expect(stored?.record.events.map((event) => event.name)).toEqual(["stream_started"]);
    await recordWriter.close();
  });

  it("keeps more on disk than in memory while the database is away, and stores it later", async () => {
    const { recordWriter, faults, writer } = await newWriter();
    faults.database = true;
    const count = 700;
    for (let n = 0; n < count; n++) {
      for (const event of callEvents(n)) recordWriter.write(sid(n), event);
    }
    await expect(recordWriter.flush()).rejects.toMatchObject({ code: "store_unavailable" });
    await expect(recordWriter.flush()).rejects.toMatchObject({ code: "store_unavailable" });
    expect(recordWriter.health()).toEqual({ database: false, disk: true, pending: count });
    expect(await segments(writer)).not.toEqual([]);
    expect(metrics.count("spoolBytes")).toBeGreaterThan(100_000);
    // A late event of a call that has left memory comes after its older ones.
    recordWriter.write(sid(0), { type: "note", atMs: 9_000, name: "late", fields: {} });

    faults.database = false;
    await recordWriter.flush();
    expect(recordWriter.health()).toEqual({ database: true, disk: true, pending: 0 });
    expect(metrics.count("recordsPending")).toBe(0);
    expect(metrics.count("spoolBytes")).toBe(0);
    const all = await storedRecords(store, { outcome: "completed" });
    expect(all).toHaveLength(count);
    expect(all.every((record) => record.turns.length === 2)).toBe(true);
    expect((await store.load(sid(0)))?.record.events.map((event) => event.name)).toEqual([
      "stream_started",
      "late",
    ]);
    expect(await segments(writer)).toEqual([]);
    expect(metrics.count("recordsDropped")).toBe(0);
    await recordWriter.close();
  });

  it("works without the disk", async () => {
    const { recordWriter, faults } = await newWriter();
    faults.disk = true;
    for (const event of callEvents(1)) recordWriter.write(sid(1), event);
    await recordWriter.flush();
    expect(recordWriter.health().disk).toBe(false);
    expect((await store.load(sid(1)))?.record.turns).toHaveLength(2);
    faults.disk = false;
    for (const event of callEvents(2)) recordWriter.write(sid(2), event);
    await recordWriter.flush();
    expect(recordWriter.health().disk).toBe(true);
    expect(metrics.count("recordsDropped")).toBe(0);
    await recordWriter.close();
  });

  it("knows a call that went on elsewhere no better than the database, which has its end", async () => {
    const [first, second] = [await newWriter(), await newWriter("n1-w2")];
    const [begins, ...goesOn] = callEvents(1);
    first.recordWriter.write(sid(1), begins!);
    await first.recordWriter.flush();
    expect(first.recordWriter.record(sid(1))).toMatchObject({ state: "live" });
    // It waits for the next save of a live call, which is not due for long.
    first.recordWriter.write(sid(1), { type: "moved" });
    for (const event of [begins!, ...goesOn]) second.recordWriter.write(sid(1), event);
    await second.recordWriter.flush();
    expect((await store.load(sid(1)))?.record).toMatchObject({ outcome: "completed" });
    expect(first.recordWriter.record(sid(1))).toBeNull();
    await first.recordWriter.close();
    await second.recordWriter.close();
    expect((await store.load(sid(1)))?.record).toMatchObject({ outcome: "completed" });
  });

  it("recovers a dead process's journal: ended calls complete, live calls as failed", async () => {
    const first = await newWriter();
    first.faults.database = true;
    for (const event of callEvents(1)) first.recordWriter.write(sid(1), event);
    for (const event of callEvents(2).slice(0, 6)) first.recordWriter.write(sid(2), event);
    await expect(first.recordWriter.flush()).rejects.toThrow();
    // The owner file names this test's process, which is alive. This is what a dead one leaves.
    await markDead(join(home, first.writer));

    const second = await newWriter("n1-w2");
    await second.recordWriter.recover();
    expect((await store.load(sid(1)))?.record).toMatchObject({ outcome: "completed" });
    const cut = (await store.load(sid(2)))?.record;
    expect(cut).toMatchObject({ state: "ended", outcome: "failed", endReason: "process_lost" });
    expect(cut?.turns).toHaveLength(2);
    expect(cut?.endedAt).toBe("2026-11-21T00:00:04.002Z");
    expect(recovered).toEqual([sid(1), sid(2)]);
    // A second round finds nothing and changes nothing.
    const before = await store.load(sid(2));
    await second.recordWriter.recover();
    expect(await store.load(sid(2))).toEqual(before);
    expect(recovered).toHaveLength(2);
    expect(await readdir(home)).toEqual([second.writer]);
    await second.recordWriter.close();
    await first.spool.close();
  });

  it("ends a silent node's live calls, and takes that back when the node writes again", async () => {
    const silent = await newWriter("n2-w1");
    for (const event of callEvents(1).slice(0, 4)) silent.recordWriter.write(sid(1), event);
    await silent.recordWriter.flush();

    const { recordWriter } = await newWriter();
    await recordWriter.recover();
    expect((await store.load(sid(1)))?.record.state).toBe("live");
    clock.advance(61_000);
    await recordWriter.recover();
    await recordWriter.recover();
    expect((await store.load(sid(1)))?.record).toMatchObject({
      outcome: "failed",
      endReason: "process_lost",
    });

    // The node was alive and only could not reach the database.
    for (const event of callEvents(1).slice(4, 6)) silent.recordWriter.write(sid(1), event);
    await silent.recordWriter.flush();
    expect((await store.load(sid(1)))?.record).toMatchObject({ state: "live", outcome: null });
    for (const event of callEvents(1).slice(6)) silent.recordWriter.write(sid(1), event);
    await silent.recordWriter.flush();
    expect((await store.load(sid(1)))?.record).toMatchObject({
      outcome: "completed",
      endReason: "caller_hung_up",
    });
    await silent.recordWriter.close();
    await recordWriter.close();
  });

  it("adds the events of another node to a call, while it is live and afterwards", async () => {
    const one = await newWriter("n1-w1");
    const two = await newWriter("n2-w1");
    const requested: RecordEvent = {
      type: "transfer_requested",
      atMs: 3_000,
      destination: "billing",
      kind: "dial",
      reason: null,
      summary: null,
      urgency: null,
      by: "agent",
    };
    for (const event of callEvents(1).slice(0, 6)) one.recordWriter.write(sid(1), event);
    one.recordWriter.write(sid(1), requested);
    await one.recordWriter.flush();
    two.recordWriter.write(sid(1), {
      type: "transfer_step",
      atMs: 3_500,
      step: "calling",
      detail: null,
    });
    await two.recordWriter.flush();
    for (const event of callEvents(1).slice(6)) one.recordWriter.write(sid(1), event);
    await one.recordWriter.flush();
    two.recordWriter.write(sid(1), {
      type: "transfer_outcome",
      atMs: 6_000,
      destination: "billing",
      outcome: "busy",
    });
    await two.recordWriter.flush();
    const stored = await store.load(sid(1));
    expect(stored?.record).toMatchObject({
      outcome: "completed",
      transfer: { outcome: "busy", steps: [{ step: "calling" }] },
    });
    expect(stored?.record.turns).toHaveLength(2);
    expect(stored?.owner).toBe(one.writer);
    await one.recordWriter.close();
    await two.recordWriter.close();
  });

  it("releases a call that only rings until it is answered", async () => {
    const [opened, ...rest] = callEvents(1);
    const placed = await newWriter("n1-w1");
    const other = await newWriter("n1-w2");
    placed.recordWriter.write(sid(1), opened!);
    placed.recordWriter.write(sid(1), { type: "moved" });
    await placed.recordWriter.flush();
    expect(placed.recordWriter.record(sid(1))).toBeNull();
    for (const event of [opened!, ...rest]) other.recordWriter.write(sid(1), event);
    await other.recordWriter.flush();
    expect((await store.load(sid(1)))?.record).toMatchObject({ outcome: "completed" });

    // Answered here before its beginning was stored.
    placed.recordWriter.write(sid(2), callEvents(2)[0]!);
    placed.recordWriter.write(sid(2), { type: "moved" });
    for (const event of callEvents(2).slice(0, 4)) placed.recordWriter.write(sid(2), event);
    await placed.recordWriter.flush();
    expect(placed.recordWriter.record(sid(2))).toMatchObject({ state: "live", streamSid: "MZ2" });
    await placed.recordWriter.close();
    await other.recordWriter.close();
  });

  it("sets aside a record that the database refuses, and stores the others", async () => {
    const { recordWriter, faults } = await newWriter();
    faults.refuse = sid(1);
    for (const n of [1, 2]) for (const event of callEvents(n)) recordWriter.write(sid(n), event);
    for (let i = 0; i < 3; i++) {
      await recordWriter.flush();
      clock.advance(2_000);
    }
    expect((await store.load(sid(2)))?.record.outcome).toBe("completed");
    expect(await store.load(sid(1))).toBeNull();
    expect(await readdir(join(home, "quarantine"))).toEqual([`${sid(1)}.json`]);
    expect(metrics.count("recordsDropped")).toBe(8);
    await recordWriter.close();
  });

  it("stores nothing of a call that was deleted in between", async () => {
    const { recordWriter } = await newWriter();
    for (const event of callEvents(1).slice(0, 4)) recordWriter.write(sid(1), event);
    await recordWriter.flush();
    await store.remove(sid(1));
    for (const event of callEvents(1).slice(4)) recordWriter.write(sid(1), event);
    await recordWriter.flush();
    expect(await store.load(sid(1))).toBeNull();
    expect(recordWriter.health().pending).toBe(0);
    await recordWriter.close();
  });

  it("stores an end at once, with the earlier events that could have waited", async () => {
    const { recordWriter } = await newWriter();
    const events = callEvents(1);
    const end = events.pop()!;
    const pass = async (ms: number, until: () => Promise<boolean>) => {
      for (let at = 0; at < ms && !(await until()); at += 50) {
        clock.advance(50);
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    // The clock is the test's, the database's own time is not.
    const passUntil = async (ms: number, until: () => Promise<boolean>) => {
      await pass(ms, until);
      await expect.poll(until, { timeout: 20_000 }).toBe(true);
    };
    const stored = async () => (await store.load(sid(1)))?.record;
    recordWriter.write(sid(1), events.shift()!);
    await passUntil(3_000, async () => (await stored()) !== undefined);
    for (const event of events) recordWriter.write(sid(1), event);
    await pass(2_000, async () => false);
    expect((await stored())?.turns).toEqual([]);
    recordWriter.write(sid(1), end);
    await passUntil(3_000, async () => (await stored())?.outcome === "completed");
    expect(await stored()).toMatchObject({
      outcome: "completed",
      turns: [{ who: "agent" }, { who: "caller" }],
    });
    await recordWriter.close();
  });

  it("brings events to disk and database by its own timers", async () => {
    const { recordWriter, writer } = await newWriter();
    recordWriter.start();
    for (const event of callEvents(1)) recordWriter.write(sid(1), event);
    const stored = async () => (await store.load(sid(1)))?.record.outcome ?? null;
    const passes = async () => {
      clock.advance(50);
      return await stored();
    };
    await expect.poll(passes, { timeout: 20_000, interval: 5 }).toBe("completed");
    expect(await store.abandonedCalls(60_000, 10)).toEqual([]);
    expect(writer).toMatch(/^n1-w1-/);
    await recordWriter.close();
    expect(clock.pending).toBe(0);
  });
});

async function markDead(directory: string): Promise<void> {
  const owner = { host: hostname(), pid: process.pid, startTicks: "1" };
  await writeFile(join(directory, "holder.json"), JSON.stringify(owner));
}
