import { describe, expect, it } from "vitest";
import type { ItemId } from "../../src/domain/ids.js";
import { emptyRecord } from "../../src/records/record.js";
import {
  addEvent,
  draftOf,
  fitText,
  insertByTime,
  LIMITS,
  recordOf,
  timeOf,
} from "../../src/records/record-draft.js";
import { testSid } from "../fakes/record-events.js";

const draft = () => draftOf(emptyRecord(testSid(1)));

describe("a draft", () => {
  it("has lists of its own, and nothing of the draft stays in the record", () => {
    const before = emptyRecord(testSid(1));
    const changed = draftOf(before);
    addEvent(changed, { atMs: 1, name: "n", fields: {} });
    expect(before.events).toEqual([]);
    const after = recordOf(changed);
    expect(after.events).toHaveLength(1);
    expect(after).not.toHaveProperty("ownTurns");
  });

  it("keeps as many events as its list may have, and then the earlier ones", () => {
    const full = draft();
    for (let n = 0; n <= LIMITS.events; n++) addEvent(full, { atMs: n, name: `${n}`, fields: {} });
    expect(full.events).toHaveLength(LIMITS.events);
    expect(full.events.at(-1)?.name).toBe(String(LIMITS.events - 1));
  });
});

describe("insertByTime", () => {
  it.each([
    [0, [0, 5, 5, 9]],
    [5, [5, 5, 5, 9]],
    [7, [5, 5, 7, 9]],
    [10, [5, 5, 9, 10]],
  ])("puts an entry of %i ms behind those of the same time", (atMs, order) => {
    const entries = [
      { atMs: 5, name: "a" },
      { atMs: 5, name: "b" },
      { atMs: 9, name: "c" },
    ];
    insertByTime(entries, { atMs, name: "new" }, 10);
    expect(entries.map((entry) => entry.atMs)).toEqual(order);
    expect(entries.findLast((entry) => entry.atMs === atMs)?.name).toBe("new");
  });
});

describe("fitText", () => {
  const said = (chars: number) => {
    const one = draft();
    const turn = { itemId: "i" as ItemId, text: "x".repeat(chars), heardText: null };
    one.turns.push(turn as (typeof one.turns)[number]);
    return one;
  };

  it("keeps a text that the record has room for, and every short one", () => {
    const text = "t".repeat(1_001);
    expect(fitText(said(1_000_000 - 1_001), text)).toBe(text);
    expect(fitText(said(2_000_000), "t".repeat(1_000))).toHaveLength(1_000);
  });

  it("puts a mark in the place of one that it has no room for", () => {
    const text = "t".repeat(1_001);
    expect(fitText(said(1_000_000 - 1_000), text)).toBe("[cut: 1001 characters]");
    const withTool = draft();
    withTool.tools.push({
      name: "t",
      atMs: 0,
      arguments: "a".repeat(500_000),
      output: "o".repeat(500_000),
      ms: 1,
      outcome: "ok",
    });
    expect(fitText(withTool, text)).toBe("[cut: 1001 characters]");
  });
});

describe("timeOf", () => {
  const startedAt = "2026-11-21T08:00:00.000Z";
  const startMs = Date.parse(startedAt);
  it.each([
    ["what the sender counted", startedAt, { atMs: 7 }, 7],
    ["the wall clock", startedAt, { atMs: 7, epochMs: startMs + 250 }, 250],
    ["0 for what precedes the call", startedAt, { atMs: 7, epochMs: startMs - 250 }, 0],
    ["0 while the beginning is unknown", null, { atMs: 7, epochMs: startMs }, 0],
  ])("is %s", (_, began, event, ms) => {
    expect(timeOf({ startedAt: began }, event)).toBe(ms);
  });
});
