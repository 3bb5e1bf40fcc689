import { describe, expect, it } from "vitest";
import {
  cursorAfter,
  nextOf,
  readCursor,
  readFilter,
  readLimit,
  toCaller,
} from "../../src/http/record-query.js";
import { emptyRecord } from "../../src/records/record.js";
import { sid } from "../fakes/call-bench.js";

const query = (text: string) => new URLSearchParams(text);

describe("the query of a list of calls", () => {
  it("becomes a filter of what it names", () => {
    const filter = readFilter(
      query("state=ended&outcome=failed&agent=support&from=%2B1555&since=1700000000000&until="),
    );
    expect(filter).toEqual({
      state: "ended",
      outcome: "failed",
      agent: "support",
      caller: "+1555",
      sinceMs: 1_700_000_000_000,
    });
    expect(readFilter(query(""))).toEqual({});
  });

  it("has 50 calls unless it says otherwise", () => {
    expect([readLimit(query("")), readLimit(query("limit=7"))]).toEqual([50, 7]);
  });

  it("finds the place after a call again", () => {
    const record = { ...emptyRecord(sid(7)), startedAt: "2026-11-21T08:00:00.000Z" };
    expect(readCursor(query(`before=${nextOf(record)}`))).toEqual(cursorAfter(record));
    expect(readCursor(query(""))).toBeNull();
    expect(cursorAfter({ ...record, startedAt: null }).startedMs).toBe(0);
  });

  it.each([
    ["state=old", readFilter],
    ["outcome=good", readFilter],
    ["since=today", readFilter],
    ["limit=0", readLimit],
    ["limit=501", readLimit],
    ["before=xyz", readCursor],
  ])("is refused with the parameter's name: %s", (text, read) => {
    expect(() => read(query(text))).toThrow(text.slice(0, text.indexOf("=")));
  });

  it("takes a number whose plus sign became a space", () => {
    expect([toCaller(" 1555"), toCaller("+1555"), toCaller("client:a b")]).toEqual([
      "+1555",
      "+1555",
      "client:a b",
    ]);
  });
});
