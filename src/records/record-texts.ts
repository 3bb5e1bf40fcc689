/** Writes records as operators get them: in lists and exports. */
import type { CallRecord } from "../domain/call-record.js";
import { NO_REVIEW } from "../domain/call-review.js";
import type { CallSid } from "../domain/ids.js";
import { maskNumbers } from "../domain/mask-numbers.js";
import type { RecordForm, RecordsWanted, WrittenRecords } from "../ports/store.js";
import { csvLine, csvRow } from "./csv.js";
import { evaluationCase } from "./evaluation.js";

/** What stands between two records, and between two texts of one answer. */
export const SEPARATORS: Readonly<Record<RecordForm, string>> = {
  json: ",",
  csv: "",
  export_json: ",\n",
  export_csv: "",
  export_jsonl: "",
};

const UTF_8 = new TextEncoder();

/** @param stored  the records as they are stored, as JSON. */
export function writtenRecords(
  wanted: RecordsWanted,
  stored: ReadonlyMap<CallSid, string>,
): WrittenRecords {
  const { callSids, form, masked, newer } = wanted;
  const texts: string[] = [];
  for (const callSid of callSids) {
    const json = newer.get(callSid) ?? stored.get(callSid);
    if (json !== undefined) texts.push(textOf(json, callSid, wanted));
  }
  const text = texts.join(SEPARATORS[form]);
  return { text: UTF_8.encode(masked ? maskNumbers(text) : text), count: texts.length };
}

function textOf(json: string, callSid: CallSid, { form, reviews }: RecordsWanted): string {
  const review = reviews.get(callSid) ?? NO_REVIEW;
  switch (form) {
    case "json":
      return json;
    case "csv":
      return csvLine(JSON.parse(json) as CallRecord);
    case "export_json":
      return `${json.slice(0, -1)},"review":${JSON.stringify(review)}}`;
    case "export_csv":
      return csvRow(JSON.parse(json) as CallRecord, review);
    case "export_jsonl":
      return `${JSON.stringify(evaluationCase(JSON.parse(json) as CallRecord, review))}\n`;
  }
}
