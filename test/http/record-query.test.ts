import { describe, expect, it } from "vitest";
import { nextOf, readCursor, readLimit, readQuery, toCaller } from "../../src/http/record-query.js";
import { sid } from "../fakes/call-bench.js";

const query = (text: string) => new URLSearchParams(text);

describe("the query of a list of calls", () => {
  it("becomes a filter of what it names", () => {
    const filter = readQuery(
      query("state=ended&outcome=failed&agent=support&from=%2B1555&since=1700000000000&until="),
    );
    expect(filter).toEqual({
      state: "ended",
      outcome: "failed",
      agent: "support",
      caller: "+1555",
      sinceMs: 1_700_000_000_000,
    });
    expect(readQuery(query(""))).toEqual({});
  });

  it("has 50 calls unless it says otherwise", () => {
    expect([readLimit(query("")), readLimit(query("limit=7"))]).toEqual([50, 7]);
  });

  it("finds the place after a call again", () => {
    expect(readCursor(query(""))).toBeNull();
    // A start in ms, a call without a cost, costs.
    for (const value of [Date.UTC(2026, 10, 21), 0, -1, 0.1234567890123, 1.5e-7]) {
      const place = { value, callSid: sid(7) };
      expect(readCursor(query(`before=${nextOf(place)}`))).toEqual(place);
    }
  });

  it("finds the place of a time among calls that are listed by their beginning", () => {
    const value = Date.UTC(2026, 10, 21, 8);
    for (const text of ["2026-11-21T08:00:00Z", String(value), "2026-11-21T08:00:00Z&sort=started"])
      expect(readCursor(query(`before=${text}`))).toEqual({ value, callSid: "" });
    expect(() => readCursor(query("before=2026-11-21T08:00:00Z&sort=cost"))).toThrow("before");
  });

  it("becomes a search of what it names", () => {
    const search = readQuery(
      query(
        "q=blue+bananas&end_reason=max_duration&destination=+1555&min_latency_ms=900&" +
          "min_duration_s=1.5&min_cost_usd=0.05&interrupted=true&tool_failed=false&sort=cost",
      ),
    );
    expect(search).toEqual({
      text: "blue bananas",
      endReason: "max_duration",
      destination: "+1555",
      minLatencyMs: 900,
      minDurationMs: 1_500,
      minCostUsd: 0.05,
      interrupted: true,
      toolFailed: false,
      sort: "cost",
    });
    expect(readQuery(query("q=&destination=&min_cost_usd=&interrupted=&sort="))).toEqual({});
  });

  it.each([
    ["state=old", readQuery],
    ["outcome=good", readQuery],
    ["since=today", readQuery],
    ["since=9000000000000000", readQuery],
    ["min_cost_usd=-1", readQuery],
    ["min_latency_ms=1e9", readQuery],
    ["interrupted=yes", readQuery],
    ["sort=size", readQuery],
    [`q=${"a".repeat(201)}`, readQuery],
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
