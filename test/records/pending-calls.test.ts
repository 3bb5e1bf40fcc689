import { beforeEach, describe, expect, it } from "vitest";
import type { RecordEvent } from "../../src/domain/record-event.js";
import { PendingCalls } from "../../src/records/pending-calls.js";
import {
  ended,
  note,
  opened,
  testSid,
  transferOutcome,
  transferRequested,
} from "../fakes/record-events.js";

let calls: PendingCalls;
let seq: number;
beforeEach(() => {
  calls = new PendingCalls("w");
  seq = 0;
});
const add = (n: number, event: RecordEvent, nowMs = 0) =>
  calls.add({ seq: ++seq, callSid: testSid(n), event }, nowMs);
/** Stores what is pending of a call. */
const saved = (n: number) => {
  const call = calls.get(testSid(n))!;
  call.saved(call.save((record) => record));
  call.dueMs = null;
};

describe("PendingCalls", () => {
  it.each<[string, RecordEvent]>([
    ["the beginning", opened()],
    ["a transfer", transferRequested(1)],
    ["a transfer's outcome", transferOutcome(2, "busy")],
    ["a recording", { type: "recording", sid: "RE1", file: null }],
    ["a transcript", { type: "recording_transcript", sid: "RE1", transcript: "", words: [] }],
    ["the end", ended(3)],
  ])("wants what others look for to be saved at once: %s", (_, event) => {
    add(1, opened(), 0);
    saved(1);
    expect(add(1, event, 7_000)).toBe(7_000);
  });

  it("saves the rest of a live call within 50 s, together with other calls", () => {
    for (const n of [1, 2]) {
      add(n, opened(), 0);
      saved(n);
    }
    expect(add(1, note(1), 1_000)).toBe(50_000);
    expect(add(2, note(1), 4_999)).toBe(50_000);
    expect(add(1, note(2), 30_000)).toBe(50_000);
    expect(calls.nextDueMs()).toBe(50_000);
    expect(calls.due(49_999, 10)).toEqual([]);
    expect(calls.due(50_000, 10)).toHaveLength(2);
    expect(calls.due(50_000, 1)).toHaveLength(1);
  });

  it("wants a call that has to be looked up to be saved at once", () => {
    expect(add(1, note(1), 3_000)).toBe(3_000);
  });

  it("counts calls that are not stored, and knows their first event", () => {
    add(1, opened());
    add(2, opened());
    add(1, note(1));
    expect([calls.count, calls.lowestPendingSeq(99)]).toEqual([2, 1]);
    saved(1);
    expect([calls.count, calls.lowestPendingSeq(99)]).toEqual([1, 2]);
    saved(2);
    expect([calls.count, calls.lowestPendingSeq(99)]).toEqual([0, 99]);
  });

  it("takes fewer calls together when their records are large", () => {
    for (let n = 0; n < 20; n++) {
      add(n, opened());
      for (let i = 0; i < 99; i++) add(n, note(i));
    }
    expect(calls.due(0, 32)).toHaveLength(5);
    for (let n = 20; n < 60; n++) add(n, opened());
    for (let n = 0; n < 20; n++) calls.delete(testSid(n));
    expect(calls.due(0, 32)).toHaveLength(32);
  });

  it("makes every call due that has something to save", () => {
    add(1, opened());
    add(2, opened());
    saved(2);
    calls.makeAllDue();
    expect(calls.due(0, 10).map(({ callSid }) => callSid)).toEqual([testSid(1)]);
  });

  describe("moveToDisk", () => {
    beforeEach(() => {
      add(0, opened());
      for (let n = 1; n <= 502; n++) {
        add(n, opened());
        add(n, ended(1));
      }
    });

    it("moves the oldest ended calls beyond 500, and no live call", () => {
      calls.moveToDisk(seq);
      expect([0, 1, 2, 3].map((n) => calls.get(testSid(n)) !== undefined)).toEqual([
        true,
        false,
        false,
        true,
      ]);
      expect(calls.isOnDiskOnly(testSid(1))).toBe(true);
      expect([calls.someOnDiskOnly, calls.firstSeqOnDisk]).toEqual([true, 2]);
      expect([calls.count, calls.nextDueMs()]).toEqual([503, 0]);
    });

    it("moves nothing that the disk does not have", () => {
      calls.moveToDisk(2);
      expect([calls.someOnDiskOnly, calls.count]).toEqual([false, 503]);
    });

    it("leaves later events of a moved call to the disk, until the database has them", () => {
      calls.moveToDisk(seq);
      expect(add(1, note(9))).toBeNull();
      expect(calls.get(testSid(1))).toBeUndefined();
      calls.forgetDisk();
      expect([calls.someOnDiskOnly, calls.count]).toEqual([false, 501]);
      expect(add(1, note(10), 5)).toBe(5);
    });
  });
});
