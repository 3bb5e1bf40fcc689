/** `GET /api/calls/export`: everything that a search finds, with its reviews, as it is read. */
import { maySeeNumbers, type Operator } from "../domain/operator.js";
import type { CallQuery, RecordForm, ReviewStore } from "../ports/store.js";
import { EXPORT_HEAD } from "../records/csv.js";
import { SEPARATORS } from "../records/record-texts.js";
import { inPieces, type ReaderParts, readRecords } from "./record-reader.js";
import type { Reply } from "./reply.js";

export const EXPORT_FORMATS = ["csv", "json", "jsonl"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

const TYPES: Readonly<Record<ExportFormat, string>> = {
  csv: "text/csv; charset=utf-8; header=present",
  json: "application/json; charset=utf-8",
  jsonl: "application/x-ndjson",
};
const FORMS = {
  csv: "export_csv",
  json: "export_json",
  jsonl: "export_jsonl",
} as const satisfies Readonly<Record<ExportFormat, RecordForm>>;
/** What stands before the first call and after the last one. */
const FRAMES: Readonly<Record<ExportFormat, readonly [head: string, tail: string]>> = {
  csv: [EXPORT_HEAD, ""],
  json: ['{"calls":[', "]}"],
  jsonl: ["", ""],
};

export interface ExportParts extends ReaderParts {
  readonly reviews: Pick<ReviewStore, "reviewsOf">;
}

/** Reads the first calls: while the database is away, that rejects. */
export async function exportCalls(
  parts: ExportParts,
  query: CallQuery,
  format: ExportFormat,
  operator: Operator,
): Promise<Reply> {
  const texts = readRecords(parts, query, null, Number.MAX_SAFE_INTEGER, {
    form: FORMS[format],
    masked: !maySeeNumbers(operator),
    reviewsOf: (callSids) => parts.reviews.reviewsOf(callSids),
  });
  const first = await texts.next();
  return {
    status: 200,
    type: TYPES[format],
    headers: { "Content-Disposition": `attachment; filename="calls.${format}"` },
    chunks: framed(resumed(first, texts), format),
  };
}

async function* resumed<T>(first: IteratorResult<T>, rest: AsyncGenerator<T>): AsyncGenerator<T> {
  if (first.done === true) return;
  yield first.value;
  yield* rest;
}

async function* framed(
  texts: AsyncIterable<Uint8Array | string>,
  format: ExportFormat,
): AsyncGenerator<Uint8Array | string> {
  const [head, tail] = FRAMES[format];
  const separator = SEPARATORS[FORMS[format]];
  let before = head;
  let isEmpty = true;
  for await (const text of texts) {
    // Without a limit there is no next page.
    if (typeof text === "string") continue;
    yield* inPieces(Buffer.concat([Buffer.from(before), text]));
    before = separator;
    isEmpty = false;
  }
  const end = `${isEmpty ? head : ""}${tail}`;
  if (end !== "") yield end;
}
