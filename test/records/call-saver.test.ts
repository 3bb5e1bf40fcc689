import { beforeEach, describe, expect, it } from "vitest";
import { RelayError } from "../../src/domain/errors.js";
import type { CallSid } from "../../src/domain/ids.js";
import type { RecordEvent } from "../../src/domain/record-event.js";
import type { CallSave, CallStore, SaveOutcome, StoredCall } from "../../src/ports/store.js";
import { CallSaver } from "../../src/records/call-saver.js";
import { PendingCalls } from "../../src/records/pending-calls.js";
import { applyEvents, emptyRecord } from "../../src/records/record.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { FakeLog } from "../fakes/fake-ports.js";
import { ended, note, opened, testSid } from "../fakes/record-events.js";

let clock: FakeClock;
let log: FakeLog;
let calls: PendingCalls;
let saver: CallSaver;
let seq: number;
/** What the database has. */
let stored: Map<CallSid, StoredCall>;
/** Calls whose save has this outcome instead of "saved". */
let outcomes: Map<CallSid, SaveOutcome>;
let refused: Set<CallSid>;
let away: boolean;
let saves: CallSave[][];
let quarantined: string[];
let dropped: number;
/** Happens while other work has its turn between two records. */
let between: (() => void) | null;

async function* inSlices<T>(items: Iterable<T>): AsyncGenerator<T> {
  for (const item of items) {
    yield item;
    between?.();
  }
}

beforeEach(() => {
  clock = new FakeClock();
  log = new FakeLog();
  calls = new PendingCalls("w");
  seq = 0;
  stored = new Map();
  outcomes = new Map();
  refused = new Set();
  away = false;
  saves = [];
  quarantined = [];
  dropped = 0;
  const store = {
    save: async (batch) => {
      if (away) throw new RelayError("store_unavailable", "away", { retryable: true });
      if (batch.some(({ callSid }) => refused.has(callSid)))
        throw new RelayError("internal", "refused");
      saves.push([...batch]);
      return batch.map(({ callSid }) => outcomes.get(callSid) ?? "saved");
    },
    loadMany: async (callSids) =>
      new Map([...stored].filter(([callSid]) => callSids.includes(callSid))),
  } as Partial<CallStore> as CallStore;
  const spool = { quarantine: async (callSid: CallSid) => void quarantined.push(callSid) };
  const metrics = {
    recordsDropped: {
      add: (count: number) => {
        dropped += count;
      },
    },
  };
  between = null;
  const ports = { store, spool, clock, log, metrics, inSlices };
  saver = new CallSaver(ports, calls, (record) => ({ ...record, costUsd: 1 }));
});

const add = (n: number, ...events: RecordEvent[]) => {
  for (const event of events) calls.add({ seq: ++seq, callSid: testSid(n), event }, clock.nowMs());
};
const saveDue = async () => await saver.save(calls.due(clock.nowMs(), 100));
const storedCall = (n: number, owner: string, ...events: RecordEvent[]): StoredCall => ({
  record: applyEvents(emptyRecord(testSid(n)), events),
  version: 1,
  applied: { [owner]: events.length },
  owner,
});

describe("CallSaver", () => {
  it("saves due calls together, finished, and forgets those that are over", async () => {
    add(1, opened(), ended(5));
    add(2, opened());
    await saveDue();
    expect(saves).toHaveLength(1);
    expect(saves[0]!.map(({ callSid }) => callSid)).toEqual([testSid(1), testSid(2)]);
    expect(saves[0]![0]!.record.costUsd).toBe(1);
    expect(calls.get(testSid(1))).toBeUndefined();
    expect(calls.get(testSid(2))?.dueMs).toBeNull();
    expect(calls.count).toBe(0);
  });

  it("keeps what happens while the records are brought up to date for the next save", async () => {
    add(1, opened());
    add(2, opened());
    between = () => {
      between = null;
      add(1, note(1), ended(5));
      add(2, note(1));
    };
    await saveDue();
    expect(saves.flat().map(({ record }) => record.events.length)).toEqual([0, 1]);
    expect(calls.count).toBe(1);
    await saveDue();
    expect(saves[1]!.map(({ record }) => [record.state, record.events.length])).toEqual([
      ["ended", 1],
    ]);
    expect([calls.count, dropped]).toEqual([0, 0]);
  });

  it("rejects and keeps the calls due while the database is away", async () => {
    add(1, opened());
    away = true;
    await expect(saveDue()).rejects.toMatchObject({ code: "store_unavailable" });
    expect(calls.due(0, 1)).toHaveLength(1);
  });

  it("reads a call again that another process saved in between, and saves it on top", async () => {
    add(1, opened(), note(1, "mine"));
    stored.set(testSid(1), storedCall(1, "other", opened(), note(0, "theirs")));
    outcomes.set(testSid(1), "conflict");
    await saveDue();
    outcomes.clear();
    await saveDue();
    const [save] = saves.at(-1)!;
    expect(save?.record.events.map(({ name }) => name)).toEqual(["theirs", "mine"]);
    expect(save).toMatchObject({ basedOn: 1, applied: { other: 2, w: 2 } });
  });

  it("sets a record that cannot be read aside, starts a new one, and says so", async () => {
    add(1, opened(), note(1, "mine"));
    add(2, opened());
    const record = emptyRecord(testSid(1));
    const [version, applied, owner] = [7, {}, "other"] as const;
    stored.set(testSid(1), { record, version, applied, owner, unreadable: "{broken" });
    outcomes.set(testSid(1), "conflict");
    await saveDue();
    outcomes.clear();
    await saveDue();
    const [save] = saves.at(-1)!;
    expect(save).toMatchObject({ callSid: testSid(1), basedOn: 7 });
    expect(save?.record.events.map(({ name }) => name)).toEqual(["mine"]);
    expect(save?.record.agent).toBe("support");
    expect(quarantined).toEqual([testSid(1)]);
    expect(log.lines.join()).toContain("stored record unreadable");
  });

  it("forgets a call that was deleted", async () => {
    add(1, opened());
    outcomes.set(testSid(1), "deleted");
    await saveDue();
    expect([calls.count, dropped]).toEqual([0, 0]);
  });

  it("saves the others when one is refused, and sets that one aside in the end", async () => {
    refused.add(testSid(1));
    add(1, opened(), note(1));
    add(2, opened());
    await saveDue();
    expect(saves.flat().map(({ callSid }) => callSid)).toEqual([testSid(2)]);
    for (let tries = 2; tries <= 3; tries++) {
      expect(quarantined).toEqual([]);
      clock.advance(1_999);
      expect(calls.due(clock.nowMs(), 1)).toEqual([]);
      clock.advance(1);
      await saveDue();
    }
    expect([quarantined, dropped, calls.count]).toEqual([[testSid(1)], 2, 0]);
  });

  it("waits a minute for the beginning of a call that another process saw", async () => {
    add(1, note(1));
    for (let tries = 1; tries <= 29; tries++) {
      await saveDue();
      clock.advance(2_000);
    }
    expect([saves, calls.count]).toEqual([[], 1]);
    stored.set(testSid(1), storedCall(1, "other", opened()));
    await saveDue();
    expect(saves.flat()[0]?.record.events).toHaveLength(1);
  });

  it("drops the events of a call that never appears", async () => {
    add(1, note(1), note(2));
    for (let tries = 1; tries <= 30; tries++) {
      await saveDue();
      clock.advance(2_000);
    }
    expect([dropped, calls.count]).toEqual([2, 0]);
    expect(log.lines.at(-1)).toContain("events of an unknown call dropped");
  });
});
