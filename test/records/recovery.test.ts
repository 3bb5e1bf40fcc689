import { beforeEach, describe, expect, it } from "vitest";
import type { CallSid } from "../../src/domain/ids.js";
import type { RecordEvent } from "../../src/domain/record-event.js";
import type { CallStore, StoredCall } from "../../src/ports/store.js";
import { applyEvents, emptyRecord } from "../../src/records/record.js";
import { finalise, replay } from "../../src/records/recovery.js";
import { ended, note, opened, testSid } from "../fakes/record-events.js";
import { silentLog } from "../fakes/silent-log.js";

/** Calls in memory, saved under the same rules as in a database. */
let stored: Map<CallSid, StoredCall>;
/** Another writer changes these calls before each save, this often. */
let contention: Map<CallSid, number>;
beforeEach(() => {
  stored = new Map();
  contention = new Map();
  setAside = [];
});

const store = {
  loadMany: async (callSids) =>
    new Map([...stored].filter(([callSid]) => callSids.includes(callSid))),
  save: async (saves) =>
    saves.map((save) => {
      const left = contention.get(save.callSid) ?? 0;
      if (left > 0) {
        contention.set(save.callSid, left - 1);
        return "conflict";
      }
      if ((stored.get(save.callSid)?.version ?? 0) !== save.basedOn) return "conflict";
      const { record, applied, owner, basedOn } = save;
      stored.set(save.callSid, { record, applied, owner, version: basedOn + 1 });
      return "saved";
    }),
} as Partial<CallStore> as CallStore;

let setAside: [CallSid, string][];
const spool = {
  quarantine: async (callSid: CallSid, text: string) => void setAside.push([callSid, text]),
};
const ports = { store, spool, log: silentLog };

const finish = <T>(record: T): T => record;
const entries = (...events: (readonly [seq: number, n: number, event: RecordEvent])[]) =>
  events.map(([seq, n, event]) => ({ seq, callSid: testSid(n), event }));
const names = (n: number) => stored.get(testSid(n))?.record.events.map(({ name }) => name);
const put = (n: number, owner: string, ...events: RecordEvent[]) => {
  const record = applyEvents(emptyRecord(testSid(n)), events);
  stored.set(testSid(n), { record, version: 1, applied: {}, owner });
};

describe("a stored record that cannot be read", () => {
  it("is set aside before it is written anew", async () => {
    for (const n of [1, 2]) {
      put(n, "dead", opened());
      stored.set(testSid(n), { ...stored.get(testSid(n))!, unreadable: `broken ${n}` });
    }
    await replay(ports, "dead", entries([1, 1, note(1)]), finish);
    await finalise(ports, [testSid(2)], () => true, finish);
    expect(setAside).toEqual([
      [testSid(1), "broken 1"],
      [testSid(2), "broken 2"],
    ]);
    expect(stored.get(testSid(2))?.record.state).toBe("ended");
  });
});

describe("replay", () => {
  it("stores calls, and names those whose end is among the entries", async () => {
    const journal = entries([1, 1, opened()], [2, 2, opened()], [3, 1, ended(5)]);
    expect(await replay(ports, "dead", journal, finish)).toEqual([testSid(1)]);
    expect(stored.get(testSid(1))).toMatchObject({
      record: { outcome: "completed" },
      applied: { dead: 3 },
      owner: "dead",
    });
  });

  it("stores all calls of a journal in which a newer release has written, too", async () => {
    const unknown = { type: "of a newer release" } as unknown as RecordEvent;
    const journal = entries([1, 1, opened()], [2, 1, unknown], [3, 1, ended(5)], [4, 2, opened()]);
    expect(await replay(ports, "dead", journal, finish)).toEqual([testSid(1)]);
    expect([...stored.keys()]).toEqual([testSid(1), testSid(2)]);
  });

  it("applies an entry once, however often it is replayed", async () => {
    const journal = entries([1, 1, opened()], [2, 1, note(1, "a")], [3, 1, note(2, "b")]);
    await replay(ports, "dead", journal.slice(0, 2), finish);
    expect(await replay(ports, "dead", journal, finish)).toEqual([]);
    expect(names(1)).toEqual(["a", "b"]);
    const before = stored.get(testSid(1));
    await replay(ports, "dead", journal, finish);
    expect(stored.get(testSid(1))).toBe(before);
  });

  it("applies a batch once that is in the journal twice", async () => {
    const journal = entries([1, 1, opened()], [2, 1, note(1, "a")]);
    await replay(ports, "dead", [...journal, ...journal], finish);
    expect(names(1)).toEqual(["a"]);
  });

  it("brings no call back that was deleted", async () => {
    await replay(ports, "dead", entries([7, 1, note(1)]), finish);
    expect(stored.size).toBe(0);
  });

  it("repeats calls that another process changes, up to a limit", async () => {
    contention.set(testSid(1), 7);
    await replay(ports, "dead", entries([1, 1, opened()]), finish);
    expect(stored.size).toBe(1);
    contention.set(testSid(2), 8);
    const failing = replay(ports, "dead", entries([2, 2, opened()]), finish);
    await expect(failing).rejects.toMatchObject({ code: "store_unavailable", retryable: true });
  });
});

describe("finalise", () => {
  const isDead = (owner: string) => owner === "dead";

  it("ends live calls of dead processes at the last moment that is known", async () => {
    put(1, "dead", opened(), note(7_000));
    expect(await finalise(ports, [testSid(1)], isDead, finish)).toEqual([testSid(1)]);
    expect(stored.get(testSid(1))?.record).toMatchObject({
      state: "ended",
      outcome: "failed",
      endReason: "process_lost",
      endedAt: "2026-11-21T08:00:07.000Z",
    });
  });

  it("leaves ended calls, calls of living processes and deleted calls alone", async () => {
    put(1, "dead", opened(), ended(1));
    put(2, "alive", opened());
    const all = [1, 2, 3].map(testSid);
    expect(await finalise(ports, all, isDead, finish)).toEqual([]);
    expect(stored.size).toBe(2);
  });

  it("looks at the owner again after a conflict", async () => {
    put(1, "dead", opened());
    contention.set(testSid(1), 1);
    const changing: CallStore = {
      ...store,
      loadMany: async (callSids) => {
        const found = await store.loadMany(callSids);
        // A living process takes the call over while recovery looks at it.
        put(1, "alive", opened());
        return found;
      },
    };
    expect(await finalise({ ...ports, store: changing }, [testSid(1)], isDead, finish)).toEqual([]);
    expect(stored.get(testSid(1))?.record.state).toBe("live");
  });

  it("handles more calls than one batch", async () => {
    for (let n = 0; n < 150; n++) put(n, "dead", opened());
    const all = [...stored.keys()];
    expect(await finalise(ports, all, isDead, finish)).toEqual(all);
  });
});
