import { describe, expect, it } from "vitest";
import type { CallQuery, CallSort } from "../../src/ports/store.js";
import { searchDocument } from "../../src/records/search-document.js";
import {
  asksForEnded,
  isAfterCursor,
  matchesQuery,
  sortValue,
} from "../../src/records/search-match.js";
import { BEGAN_MS, testSid } from "../fakes/record-events.js";
import { SEARCHED_CALLS } from "../fakes/searched-calls.js";

const [late, dear, interrupted] = SEARCHED_CALLS;

describe("a query", () => {
  it.each<[CallQuery, boolean]>([
    [{}, false],
    [{ state: "ended", outcome: "failed", agent: "a", sinceMs: 1, untilMs: 2, caller: "b" }, false],
    [{ sort: "started", text: " " }, false],
    [{ sort: "cost" }, true],
    [{ text: "a" }, true],
    [{ toolFailed: false }, true],
    [{ minCostUsd: 0 }, true],
  ])("%j asks for properties that only ended calls have: %s", (query, expected) => {
    expect(asksForEnded(query)).toBe(expected);
  });

  // The whole table of queries is in the tests of `CallSearch`, where databases answer them too.
  it("matches a call that has everything it asks for", () => {
    const query: CallQuery = { text: "monkey", minCostUsd: 0.25, toolFailed: true };
    expect(SEARCHED_CALLS.filter((record) => matchesQuery(record, query))).toEqual([dear]);
  });
});

describe("the order of found calls", () => {
  it.each<[CallSort, number, number]>([
    ["started", BEGAN_MS + 1_000, BEGAN_MS + 3_000],
    ["duration", 10_000, 5_000],
    ["latency", 900, 2_500.4],
    ["cost", -1, -1],
    ["interruptions", 0, 1],
  ])("by %s is that of the values", (sort, first, second) => {
    expect(sortValue(searchDocument(late!), sort)).toBe(first);
    expect(sortValue(searchDocument(interrupted!), sort)).toBe(second);
  });

  it("goes on behind a place, by the SID among equal values", () => {
    const document = searchDocument(late!);
    const isAfter = (value: number, n: number) =>
      isAfterCursor(document, "duration", { value, callSid: testSid(n) });
    expect([isAfter(10_001, 0), isAfter(10_000, 2), isAfter(10_000, 1), isAfter(9_999, 2)]).toEqual(
      [true, true, false, false],
    );
  });
});
