/** `GET /api/calls/export`: everything that a search finds, with its reviews, as it is read. */
import { setImmediate } from "node:timers/promises";
import type { CallRecord } from "../domain/call-record.js";
import { type CallReview, NO_REVIEW } from "../domain/call-review.js";
import type { CallSid } from "../domain/ids.js";
import { maskNumbers } from "../domain/mask-numbers.js";
import { maySeeNumbers, type Operator } from "../domain/operator.js";
import type { CallQuery, ReviewStore } from "../ports/store.js";
import { csvRow, EXPORT_HEAD } from "../records/csv.js";
import { evaluationCase } from "../records/evaluation.js";
import { type ReaderParts, type ReadRecord, readRecords } from "./record-reader.js";
import type { Reply } from "./reply.js";

export const EXPORT_FORMATS = ["csv", "json", "jsonl"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

const TYPES: Readonly<Record<ExportFormat, string>> = {
  csv: "text/csv; charset=utf-8; header=present",
  json: "application/json; charset=utf-8",
  jsonl: "application/x-ndjson",
};
/** What is read and written in one turn of the event loop. */
export const BYTES_PER_TURN = 100_000;
export const CALLS_PER_TURN = 20;

export interface ExportParts extends ReaderParts {
  readonly reviews: Pick<ReviewStore, "reviewsOf">;
}

interface Exported {
  readonly json: string;
  readonly review: CallReview;
}

/** Reads the first calls: while the database is away, that rejects. */
export async function exportCalls(
  parts: ExportParts,
  query: CallQuery,
  format: ExportFormat,
  operator: Operator,
): Promise<Reply> {
  const show = maySeeNumbers(operator) ? (text: string) => text : maskNumbers;
  const calls = exported(parts, query);
  const first = await calls.next();
  return {
    status: 200,
    type: TYPES[format],
    headers: { "Content-Disposition": `attachment; filename="calls.${format}"` },
    chunks: masked(written(resumed(first, calls), format), show),
  };
}

async function* masked(
  chunks: AsyncIterable<string>,
  show: (text: string) => string,
): AsyncGenerator<string> {
  for await (const chunk of chunks) yield show(chunk);
}

async function* resumed<T>(first: IteratorResult<T>, rest: AsyncGenerator<T>): AsyncGenerator<T> {
  if (first.done === true) return;
  yield first.value;
  yield* rest;
}

async function* written(
  calls: AsyncIterable<readonly Exported[]>,
  format: ExportFormat,
): AsyncGenerator<string> {
  let text = format === "csv" ? EXPORT_HEAD : "";
  let before = '{"calls":[';
  for await (const batch of calls) {
    for (const call of batch) {
      if (format === "json") {
        text += `${before}${call.json.slice(0, -1)},"review":${JSON.stringify(call.review)}}`;
        before = ",\n";
      } else {
        text += lineOf(call, format);
      }
      // The notes of reviews come to the records that make a batch.
      if (text.length < BYTES_PER_TURN) continue;
      yield text;
      text = "";
      await setImmediate();
    }
    if (text !== "") yield text;
    text = "";
  }
  if (format === "json") yield `${before === ",\n" ? "" : before}]}`;
  else if (text !== "") yield text;
}

function lineOf({ json, review }: Exported, format: "csv" | "jsonl"): string {
  const record = JSON.parse(json) as CallRecord;
  if (format === "csv") return csvRow(record, review);
  return `${JSON.stringify(evaluationCase(record, review))}\n`;
}

async function* exported(
  parts: ExportParts,
  query: CallQuery,
): AsyncGenerator<readonly Exported[]> {
  let batch: ReadRecord[] = [];
  let bytes = 0;
  for await (const item of readRecords(parts, query, null, Number.MAX_SAFE_INTEGER)) {
    if (typeof item === "string") continue;
    batch.push(item);
    bytes += item.json.length;
    if (batch.length < CALLS_PER_TURN && bytes < BYTES_PER_TURN) continue;
    yield await withReviews(parts, batch);
    await setImmediate();
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield await withReviews(parts, batch);
}

async function withReviews(
  { reviews }: ExportParts,
  batch: readonly ReadRecord[],
): Promise<readonly Exported[]> {
  const sids = batch.map(({ cursor }) => cursor.callSid);
  const found: ReadonlyMap<CallSid, CallReview> = await reviews.reviewsOf(sids);
  return batch.map(({ json, cursor }) => ({
    json,
    review: found.get(cursor.callSid) ?? NO_REVIEW,
  }));
}
