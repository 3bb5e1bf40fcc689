import { describe, expect, it } from "vitest";
import { MemoryJournal } from "../../src/records/memory-journal.js";
import { note, opened, testSid } from "../fakes/record-events.js";

const PRICES = {
  asOf: "2026-10-15",
  models: new Map(),
  transcription: new Map([["t", { perMinute: 0.6, perMillionTokens: 0 }]]),
};

describe("MemoryJournal", () => {
  it("applies events to the record of their call", () => {
    const journal = new MemoryJournal();
    journal.write(testSid(1), opened());
    journal.write(testSid(1), note(5));
    expect(journal.record(testSid(1))).toMatchObject({ agent: "support", events: [{ atMs: 5 }] });
    expect(journal.record(testSid(2))).toBeNull();
  });

  it("keeps the newest records only", () => {
    const journal = new MemoryJournal({ limit: 2 });
    for (const n of [1, 2, 3]) journal.write(testSid(n), opened());
    expect(journal.records().map(({ callSid }) => callSid)).toEqual([testSid(2), testSid(3)]);
  });

  it("prices records when it has a price table", () => {
    const journal = new MemoryJournal({ prices: PRICES });
    journal.write(testSid(1), { type: "transcription_usage", model: "t", tokens: 0, seconds: 30 });
    expect(journal.record(testSid(1))?.costUsd).toBe(0.3);
  });

  it("reports each event, and removes records", () => {
    const seen: string[] = [];
    const journal = new MemoryJournal({
      onEvent: (callSid, { type }) => seen.push(callSid + type),
    });
    journal.write(testSid(1), opened());
    expect(seen).toEqual([`${testSid(1)}opened`]);
    expect([journal.remove(testSid(1)), journal.remove(testSid(1))]).toEqual([true, false]);
  });
});
