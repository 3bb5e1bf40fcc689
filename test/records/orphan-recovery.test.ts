import { beforeEach, describe, expect, it } from "vitest";
import type { CallSid } from "../../src/domain/ids.js";
import type { OrphanSpool, Spool, SpoolEntry } from "../../src/ports/spool.js";
import type { CallStore, StoredCall } from "../../src/ports/store.js";
import { OrphanRecovery } from "../../src/records/orphan-recovery.js";
import { applyEvents, emptyRecord } from "../../src/records/record.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { FakeLog } from "../fakes/fake-ports.js";
import { ended, opened, testSid } from "../fakes/record-events.js";

let clock: FakeClock;
let log: FakeLog;
let stored: Map<CallSid, StoredCall>;
let orphans: OrphanSpool[];
let forgotten: string[];
let removed: string[];
let recovered: string[];
let abandoned: CallSid[];
let away: boolean;
let recovery: OrphanRecovery;

const put = (n: number, owner: string) => {
  const record = applyEvents(emptyRecord(testSid(n)), [opened()]);
  stored.set(testSid(n), { record, version: 1, applied: {}, owner });
};

beforeEach(() => {
  clock = new FakeClock();
  log = new FakeLog();
  stored = new Map();
  [orphans, forgotten, removed, recovered, abandoned] = [[], [], [], [], []];
  away = false;
  const store = {
    loadMany: async (callSids) =>
      new Map([...stored].filter(([callSid]) => callSids.includes(callSid))),
    save: async (saves) => {
      if (away) throw new Error("away");
      for (const { callSid, record, applied, owner, basedOn } of saves)
        stored.set(callSid, { record, applied, owner, version: basedOn + 1 });
      return saves.map(() => "saved" as const);
    },
    liveCallsOf: async (writer) =>
      [...stored].flatMap(([callSid, { record, owner }]) =>
        owner === writer && record.state === "live" ? [callSid] : [],
      ),
    forgetWriter: async (writer) => void forgotten.push(writer),
    abandonedCalls: async () => abandoned,
  } as Partial<CallStore> as CallStore;
  const spool = {
    writer: "w",
    orphans: async () => orphans.splice(0),
  } as Partial<Spool> as Spool;
  recovery = new OrphanRecovery(
    { store, spool, clock, log, recovered: (callSid) => void recovered.push(callSid) },
    (record) => record,
  );
});

const orphan = (writer: string, ...entries: SpoolEntry[]): OrphanSpool => ({
  writer,
  read: async function* () {
    yield entries;
  },
  remove: async () => void removed.push(writer),
});
const entry = (seq: number, n: number, event: SpoolEntry["event"]): SpoolEntry => ({
  seq,
  callSid: testSid(n),
  event,
});

describe("OrphanRecovery", () => {
  it("stores a dead process's journal, ends its live calls, and removes the journal", async () => {
    put(2, "dead");
    orphans.push(orphan("dead", entry(1, 1, opened()), entry(2, 1, ended(5))));
    await recovery.run(0);
    expect(stored.get(testSid(1))?.record.outcome).toBe("completed");
    expect(stored.get(testSid(2))?.record.endReason).toBe("process_lost");
    expect([recovered, forgotten, removed]).toEqual([[testSid(1), testSid(2)], ["dead"], ["dead"]]);
    expect(log.lines.at(-1)).toBe(
      'info records: journal taken over {"writer":"dead","failedCalls":1}',
    );
  });

  it("keeps the journal while the database is away, and continues in a later round", async () => {
    orphans.push(orphan("dead", entry(1, 1, opened()), entry(2, 1, ended(5))));
    away = true;
    await recovery.run(0);
    expect([removed, log.lines]).toEqual([[], ["warn records: recovery failed, will retry {}"]]);
    away = false;
    await recovery.run(0);
    expect([removed, recovered]).toEqual([["dead"], [testSid(1)]]);
  });

  it("ends the calls of silent processes after six heartbeats and a second round", async () => {
    put(1, "silent");
    put(2, "w");
    abandoned = [testSid(1), testSid(2)];
    clock.advance(59_999);
    await recovery.run(0);
    clock.advance(1);
    await recovery.run(1);
    await recovery.run(0);
    expect(recovered).toEqual([]);
    await recovery.run(0);
    // This process is alive, whatever the heartbeats say.
    expect(recovered).toEqual([testSid(1)]);
  });

  it("ends no call whose process is heard of again in the next round", async () => {
    put(1, "alive");
    clock.advance(60_000);
    for (const calls of [[testSid(1)], [], [testSid(1)]]) {
      abandoned = calls;
      await recovery.run(0);
    }
    expect(recovered).toEqual([]);
  });
});
