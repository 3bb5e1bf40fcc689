import { describe, expect, it } from "vitest";
import type { RecordEvent } from "../../src/domain/record-event.js";
import { applyEvents, emptyRecord } from "../../src/records/record.js";
import { applyReadable, readStoredRecord } from "../../src/records/stored-record.js";
import { callerText, ended, note, opened, testSid } from "../fakes/record-events.js";

const record = applyEvents(emptyRecord(testSid(1)), [opened(), callerText("i", "Hello.")]);
const read = (value: unknown) => readStoredRecord(JSON.stringify(value), testSid(1));

describe("readStoredRecord", () => {
  it("reads what was stored", () => {
    expect(read(record)).toEqual(record);
  });

  it("fills in what an earlier release did not know", () => {
    const { earlierTransfers: _, unpriced: __, ...earlier } = record;
    expect(read({ ...earlier, usage: { models: {} } })).toEqual(record);
  });

  it.each([
    ["no JSON", '{"callSid":'],
    ["null", "null"],
    ["a list", "[]"],
    ["nothing", "{}"],
    ["another call", JSON.stringify({ ...record, callSid: testSid(2) })],
    ["turns that are none", JSON.stringify({ ...record, turns: {} })],
    ["a turn that is none", JSON.stringify({ ...record, turns: [null] })],
    ["usage that is none", JSON.stringify({ ...record, usage: "much" })],
    ["a transfer that is none", JSON.stringify({ ...record, transfer: "desk" })],
    ["a beginning that is no time", JSON.stringify({ ...record, startedAt: "soon" })],
  ])("takes %s for damaged", (_, json) => {
    expect(readStoredRecord(json, testSid(1))).toBeNull();
  });
});

describe("applyReadable", () => {
  it("says so in place of an event that this release does not know", () => {
    const unknown = { type: "of a newer release" } as unknown as RecordEvent;
    const all = applyReadable(record, [note(1, "a"), unknown, note(2, "b"), ended(5)]);
    expect(all.events.map(({ name }) => name)).toEqual(["event_unreadable", "a", "b"]);
    expect(all.events[0]?.fields).toEqual({ type: "of a newer release" });
    expect(all.state).toBe("ended");
  });
});
