import { describe, expect, it } from "vitest";
import type { CallRecord } from "../../src/domain/call-record.js";
import { CSV_HEAD, csvLine } from "../../src/records/csv.js";
import { applyEvents, emptyRecord } from "../../src/records/record.js";
import {
  ended,
  opened,
  testSid,
  transferOutcome,
  transferRequested,
} from "../fakes/record-events.js";

const toCsv = (records: readonly CallRecord[]): string => CSV_HEAD + records.map(csvLine).join("");
const record = (changes: Partial<CallRecord> = {}): CallRecord => ({
  ...applyEvents(emptyRecord(testSid(1)), [
    opened(),
    transferRequested(1_000),
    transferOutcome(2_000, "busy"),
    ended(61_400),
  ]),
  costUsd: 0.25,
  ...changes,
});
/** The cells of the first record by column. None of the values here contains a comma. */
const cells = (csv: string): Record<string, string> => {
  const [header = "", line = ""] = csv.split("\r\n");
  const values = line.split(",");
  return Object.fromEntries(header.split(",").map((name, i) => [name, values[i] ?? ""]));
};

describe("calls as CSV", () => {
  it("writes a header, one line per call, and CRLF after each", () => {
    const csv = toCsv([record(), record()]);
    expect(csv.endsWith("\r\n")).toBe(true);
    expect(csv.split("\r\n")).toHaveLength(4);
    expect(toCsv([])).toMatch(/^callSid,[^\r\n]*\r\n$/);
  });

  it("names what a call was and counts the rest", () => {
    expect(cells(toCsv([record()]))).toMatchObject({
      callSid: testSid(1),
      from: "+15550001111",
      startedAt: "2026-11-21T08:00:00.000Z",
      durationS: "61",
      outcome: "completed",
      transferDestination: "billing",
      transferOutcome: "busy",
      turns: "0",
      costUsd: "0.25",
      answeredAt: "",
    });
  });

  it.each([
    ["a comma", "a,b", '"a,b"'],
    ["a quote", 'say "hi"', '"say ""hi"""'],
    ["a line break", "a\r\nb", '"a\r\nb"'],
    ["a formula", "=HYPERLINK(1)", "'=HYPERLINK(1)"],
    ["a formula with a comma", "=A(1,2)", '"\'=A(1,2)"'],
    ["a command", "@SUM(A1)", "'@SUM(A1)"],
    ["a minus sign", "-1+1", "'-1+1"],
    ["a plus that is no number", "+1+cmd", "'+1+cmd"],
    ["a phone number", "+15550001111", "+15550001111"],
  ])("writes %s so that a spreadsheet reads it as text", (_, from, cell) => {
    expect(toCsv([record({ from })])).toContain(`,inbound,${cell},`);
  });
});
