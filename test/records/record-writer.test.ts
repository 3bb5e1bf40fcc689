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
import { silentLog } from "../fakes/silent-log.js";
import { storeKinds } from "../fakes/stores.js";

const sid = (n: number) => `CA${String(n).padStart(32, "0")}` as CallSid;
const item = (id: string) => id as ItemId;
const fail = (error: Error) => {
  throw error;
};

/** What a short call tells, end included. */
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

/** A database and a disk that can be taken away. */
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

describe.each(storeKinds())("the recorder on $name", (kind) => {
  if (kind.skipped !== null) {
    it.skip(`is not tested: ${kind.skipped}`, () => {});
    return;
  }

  let home: string;
  let store: Store;
  let clock: FakeClock;
  let dropped: number;
  let pending: number;
  let recovered: string[];

  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), "murelay-recorder-"));
    store = await openStore(await kind.newDatabase(), fail);
    clock = new FakeClock();
    dropped = 0;
    pending = 0;
    recovered = [];
  });
  afterEach(async () => {
    await store.close();
    rmSync(home, { recursive: true, force: true });
  });
  afterAll(async () => await kind.dispose());

  async function newRecorder(name = "n1-w1") {
    const spool = await SpoolFiles.open(home, name, { epochMs: () => Date.now() });
    const world = faulty(store, spool);
    const recorder = new RecordWriter(
      {
        store: world.store,
        spool: world.spool,
        clock,
        log: silentLog,
        recovered: (callSid) => recovered.push(callSid),
        metrics: {
          recordsPending: {
            set: (now) => {
              pending = now;
            },
            move: () => {},
          },
          recordsDropped: {
            add: (count) => {
              dropped += count;
            },
          },
        },
      },
      {
        node: "n1",
        prices: { asOf: "2026-10-15", models: new Map(), transcription: new Map() },
        redact: createRedact({ cardNumbers: true, patterns: [] }),
      },
    );
    return { recorder, ...world, writer: spool.writer };
  }

  const segments = async (writer: string) =>
    (await readdir(join(home, writer))).filter((name) => name.endsWith(".jsonl"));

  it("brings a call into the database with all its turns, cleaned, and deletes its journal", async () => {
    const { recorder, writer } = await newRecorder();
    for (const event of callEvents(1)) recorder.write(sid(1), event);
    await recorder.flush();
    const stored = await store.load(sid(1));
    expect(stored?.record).toMatchObject({ outcome: "completed", streamSid: "MZ1" });
    expect(stored?.record.turns.map((turn) => turn.text)).toEqual([
      "Hello, how can I help?",
      "Charge [card] please",
    ]);
    expect(stored?.record.turns[0]?.heardText).toBe("Hello, how can I help?");
    expect(recorder.health()).toEqual({ database: true, disk: true, pending: 0 });
    expect(await segments(writer)).toEqual([]);
    await recorder.close();
    expect(await readdir(home)).toEqual([]);
  });

  it("stores a call once although the answer to the commit was lost", async () => {
    const { recorder, faults } = await newRecorder();
    faults.loseAnswers = 1;
    for (const event of callEvents(1).slice(0, 6)) recorder.write(sid(1), event);
    await expect(recorder.flush()).rejects.toMatchObject({ code: "store_unavailable" });
    for (const event of callEvents(1).slice(6)) recorder.write(sid(1), event);
    await recorder.flush();
    const stored = await store.load(sid(1));
    expect(stored?.record.turns).toHaveLength(2);
    expect(stored?.record.events.map((event) => event.name)).toEqual(["stream_started"]);
    await recorder.close();
  });

  it("holds on disk what the database does not take, more than memory keeps, and brings it later", async () => {
    const { recorder, faults, writer } = await newRecorder();
    faults.database = true;
    const count = 700;
    for (let n = 0; n < count; n++) {
      for (const event of callEvents(n)) recorder.write(sid(n), event);
    }
    await expect(recorder.flush()).rejects.toMatchObject({ code: "store_unavailable" });
    await expect(recorder.flush()).rejects.toMatchObject({ code: "store_unavailable" });
    expect(recorder.health()).toEqual({ database: false, disk: true, pending: count });
    expect(await segments(writer)).not.toEqual([]);
    // A late event of a call that has left memory comes after its older ones.
    recorder.write(sid(0), { type: "note", atMs: 9_000, name: "late", fields: {} });

    faults.database = false;
    await recorder.flush();
    expect(recorder.health()).toEqual({ database: true, disk: true, pending: 0 });
    expect(pending).toBe(0);
    const all = await store.list({ outcome: "completed" }, null, 1_000);
    expect(all).toHaveLength(count);
    expect(all.every((record) => record.turns.length === 2)).toBe(true);
    expect((await store.load(sid(0)))?.record.events.map((event) => event.name)).toEqual([
      "stream_started",
      "late",
    ]);
    expect(await segments(writer)).toEqual([]);
    expect(dropped).toBe(0);
    await recorder.close();
  });

  it("goes on without the disk", async () => {
    const { recorder, faults } = await newRecorder();
    faults.disk = true;
    for (const event of callEvents(1)) recorder.write(sid(1), event);
    await recorder.flush();
    expect(recorder.health().disk).toBe(false);
    expect((await store.load(sid(1)))?.record.turns).toHaveLength(2);
    faults.disk = false;
    for (const event of callEvents(2)) recorder.write(sid(2), event);
    await recorder.flush();
    expect(recorder.health().disk).toBe(true);
    expect(dropped).toBe(0);
    await recorder.close();
  });

  it("finds the journal of a process that died: ended calls whole, others failed with what was known", async () => {
    const first = await newRecorder();
    first.faults.database = true;
    for (const event of callEvents(1)) first.recorder.write(sid(1), event);
    for (const event of callEvents(2).slice(0, 6)) first.recorder.write(sid(2), event);
    await expect(first.recorder.flush()).rejects.toThrow();
    // Its mark names this test's process, which lives; a process that is gone leaves one like this.
    await markDead(join(home, first.writer));

    const second = await newRecorder("n1-w2");
    await second.recorder.recover();
    expect((await store.load(sid(1)))?.record).toMatchObject({ outcome: "completed" });
    const cut = (await store.load(sid(2)))?.record;
    expect(cut).toMatchObject({ state: "ended", outcome: "failed", endReason: "process_lost" });
    expect(cut?.turns).toHaveLength(2);
    expect(cut?.endedAt).toBe("2026-11-21T00:00:04.002Z");
    expect(recovered).toEqual([sid(1), sid(2)]);
    // Once more finds nothing, and changes nothing.
    const before = await store.load(sid(2));
    await second.recorder.recover();
    expect(await store.load(sid(2))).toEqual(before);
    expect(recovered).toHaveLength(2);
    expect(await readdir(home)).toEqual([second.writer]);
    await second.recorder.close();
    await first.spool.close();
  });

  it("ends the live calls of another node that shows no life, and takes it back when it does", async () => {
    const silent = await newRecorder("n2-w1");
    for (const event of callEvents(1).slice(0, 4)) silent.recorder.write(sid(1), event);
    await silent.recorder.flush();

    const { recorder } = await newRecorder();
    await recorder.recover();
    expect((await store.load(sid(1)))?.record.state).toBe("live");
    clock.advance(61_000);
    await recorder.recover();
    expect((await store.load(sid(1)))?.record).toMatchObject({
      outcome: "failed",
      endReason: "process_lost",
    });

    // It could only not reach the database.
    for (const event of callEvents(1).slice(4, 6)) silent.recorder.write(sid(1), event);
    await silent.recorder.flush();
    expect((await store.load(sid(1)))?.record).toMatchObject({ state: "live", outcome: null });
    for (const event of callEvents(1).slice(6)) silent.recorder.write(sid(1), event);
    await silent.recorder.flush();
    expect((await store.load(sid(1)))?.record).toMatchObject({
      outcome: "completed",
      endReason: "caller_hung_up",
    });
    await silent.recorder.close();
    await recorder.close();
  });

  it("adds what another node hears of a call, while it lives and after", async () => {
    const one = await newRecorder("n1-w1");
    const two = await newRecorder("n2-w1");
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
    for (const event of callEvents(1).slice(0, 6)) one.recorder.write(sid(1), event);
    one.recorder.write(sid(1), requested);
    await one.recorder.flush();
    two.recorder.write(sid(1), {
      type: "transfer_step",
      atMs: 3_500,
      step: "ringing",
      detail: null,
    });
    await two.recorder.flush();
    for (const event of callEvents(1).slice(6)) one.recorder.write(sid(1), event);
    await one.recorder.flush();
    two.recorder.write(sid(1), {
      type: "transfer_outcome",
      atMs: 6_000,
      destination: "billing",
      outcome: "busy",
    });
    await two.recorder.flush();
    const stored = await store.load(sid(1));
    expect(stored?.record).toMatchObject({
      outcome: "completed",
      transfer: { outcome: "busy", steps: [{ step: "ringing" }] },
    });
    expect(stored?.record.turns).toHaveLength(2);
    expect(stored?.owner).toBe(one.writer);
    await one.recorder.close();
    await two.recorder.close();
  });

  it("lets go of a call that only rings, until somebody has answered", async () => {
    const [opened, ...rest] = callEvents(1);
    const placed = await newRecorder("n1-w1");
    const other = await newRecorder("n1-w2");
    placed.recorder.write(sid(1), opened!);
    placed.recorder.write(sid(1), { type: "moved" });
    await placed.recorder.flush();
    expect(placed.recorder.record(sid(1))).toBeNull();
    for (const event of [opened!, ...rest]) other.recorder.write(sid(1), event);
    await other.recorder.flush();
    expect((await store.load(sid(1)))?.record).toMatchObject({ outcome: "completed" });

    // Answered here, before the database has heard that it rang.
    placed.recorder.write(sid(2), callEvents(2)[0]!);
    placed.recorder.write(sid(2), { type: "moved" });
    for (const event of callEvents(2).slice(0, 4)) placed.recorder.write(sid(2), event);
    await placed.recorder.flush();
    expect(placed.recorder.record(sid(2))).toMatchObject({ state: "live", streamSid: "MZ2" });
    await placed.recorder.close();
    await other.recorder.close();
  });

  it("sets aside a record that the database refuses, and stores the others", async () => {
    const { recorder, faults } = await newRecorder();
    faults.refuse = sid(1);
    for (const n of [1, 2]) for (const event of callEvents(n)) recorder.write(sid(n), event);
    for (let i = 0; i < 3; i++) {
      await recorder.flush();
      clock.advance(2_000);
    }
    expect((await store.load(sid(2)))?.record.outcome).toBe("completed");
    expect(await store.load(sid(1))).toBeNull();
    expect(await readdir(join(home, "quarantine"))).toEqual([`${sid(1)}.json`]);
    expect(dropped).toBe(8);
    await recorder.close();
  });

  it("stores nothing of a call that was deleted meanwhile", async () => {
    const { recorder } = await newRecorder();
    for (const event of callEvents(1).slice(0, 4)) recorder.write(sid(1), event);
    await recorder.flush();
    await store.remove(sid(1));
    for (const event of callEvents(1).slice(4)) recorder.write(sid(1), event);
    await recorder.flush();
    expect(await store.load(sid(1))).toBeNull();
    expect(recorder.health().pending).toBe(0);
    await recorder.close();
  });

  it("stores an end at once, also while what came before it may wait", async () => {
    const { recorder } = await newRecorder();
    const events = callEvents(1);
    const end = events.pop()!;
    const pass = async (ms: number, until: () => Promise<boolean>) => {
      for (let at = 0; at < ms && !(await until()); at += 50) {
        clock.advance(50);
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const stored = async () => (await store.load(sid(1)))?.record;
    recorder.write(sid(1), events.shift()!);
    await pass(3_000, async () => (await stored()) !== undefined);
    for (const event of events) recorder.write(sid(1), event);
    await pass(2_000, async () => false);
    expect((await stored())?.turns).toEqual([]);
    recorder.write(sid(1), end);
    await pass(3_000, async () => (await stored())?.outcome === "completed");
    expect(await stored()).toMatchObject({
      outcome: "completed",
      turns: [{ who: "agent" }, { who: "caller" }],
    });
    await recorder.close();
  });

  it("works by its own timers: on disk and the database soon after", async () => {
    const { recorder, writer } = await newRecorder();
    recorder.start();
    for (const event of callEvents(1)) recorder.write(sid(1), event);
    const stored = async () => (await store.load(sid(1)))?.record.outcome ?? null;
    for (let i = 0; i < 200 && (await stored()) === null; i++) {
      clock.advance(50);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await stored()).toBe("completed");
    expect(await store.abandonedCalls(60_000, 10)).toEqual([]);
    expect(writer).toMatch(/^n1-w1-/);
    await recorder.close();
    expect(clock.pending).toBe(0);
  });
});

async function markDead(directory: string): Promise<void> {
  const mark = { host: hostname(), pid: process.pid, startTicks: "1" };
  await writeFile(join(directory, "holder.json"), JSON.stringify(mark));
}
