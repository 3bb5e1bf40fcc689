import { describe, expect, it } from "vitest";
import { type CallReview, NO_REVIEW } from "../../src/domain/call-review.js";
import type { RecordForm, RecordsWanted } from "../../src/ports/store.js";
import { SEPARATORS, writtenRecords } from "../../src/records/record-texts.js";
import { ended, testSid } from "../fakes/record-events.js";
import { call, says } from "../fakes/searched-calls.js";

const RECORDS = [1, 2, 3].map((n) => call(n, [says(`Ärger ${n}`), ended(1)]));
const stored = new Map(RECORDS.map((record) => [record.callSid, JSON.stringify(record)]));
const review: CallReview = { ...NO_REVIEW, rating: 2, tags: ["late"] };

function written(form: RecordForm, changes: Partial<RecordsWanted> = {}) {
  const wanted: RecordsWanted = {
    callSids: RECORDS.map(({ callSid }) => callSid),
    form,
    masked: false,
    newer: new Map(),
    reviews: new Map([[testSid(2), review]]),
    ...changes,
  };
  const { text, count } = writtenRecords(wanted, stored);
  return { text: Buffer.from(text).toString(), count };
}

describe("records as texts", () => {
  it("are the stored JSON with commas between them", () => {
    const { text, count } = written("json");
    expect(JSON.parse(`[${text}]`)).toEqual(RECORDS);
    expect([count, SEPARATORS.json]).toEqual([3, ","]);
  });

  it("are those that this process knows better, without those that are not stored", () => {
    const newer = call(1, [says("Newer"), ended(1)]);
    const { text, count } = written("json", {
      callSids: [testSid(1), testSid(9), testSid(3)],
      newer: new Map([[testSid(1), JSON.stringify(newer)]]),
    });
    expect(JSON.parse(`[${text}]`)).toEqual([newer, RECORDS[2]]);
    expect(count).toBe(2);
    expect(written("json", { callSids: [] })).toEqual({ text: "", count: 0 });
  });

  it("have the reviews in an export", () => {
    const exported = JSON.parse(`[${written("export_json").text}]`);
    expect(exported.map((one: { review: CallReview }) => one.review.rating)).toEqual([
      null,
      2,
      null,
    ]);
    const lines = written("export_jsonl").text.trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toHaveLength(3);
    expect(lines[1]).toContain("late");
    expect(written("export_csv").text.split("\r\n")[1]).toContain("late");
  });

  it("are lines of CSV, one for each call", () => {
    const lines = written("csv").text.split("\r\n");
    expect(lines).toHaveLength(4);
    expect(lines[0]).toContain(testSid(1));
    expect(lines[3]).toBe("");
  });

  it.each(Object.keys(SEPARATORS) as RecordForm[])("have no number when masked: %s", (form) => {
    expect(written(form).text.includes("+15550001001")).toBe(form !== "export_jsonl");
    expect(written(form, { masked: true }).text).not.toContain("+15550001001");
  });
});
