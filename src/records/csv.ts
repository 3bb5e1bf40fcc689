import type { CallRecord } from "../domain/call-record.js";
import type { CallReview } from "../domain/call-review.js";

type Value = string | number | null;

const COLUMNS: readonly (readonly [name: string, value: (record: CallRecord) => Value])[] = [
  ["callSid", (record) => record.callSid],
  ["state", (record) => record.state],
  ["agent", (record) => record.agent],
  ["direction", (record) => record.direction],
  ["from", (record) => record.from],
  ["to", (record) => record.to],
  ["path", (record) => record.path],
  ["startedAt", (record) => record.startedAt],
  ["answeredAt", (record) => record.answeredAt],
  ["endedAt", (record) => record.endedAt],
  ["durationS", durationS],
  ["outcome", (record) => record.outcome],
  ["endReason", (record) => record.endReason],
  ["transferDestination", (record) => record.transfer?.destination ?? null],
  ["transferOutcome", (record) => record.transfer?.outcome ?? null],
  ["turns", (record) => record.turns.length],
  [
    "interruptions",
    (record) => record.turns.filter((turn) => turn.interruptedAtMs !== null).length,
  ],
  ["tools", (record) => record.tools.length],
  ["costUsd", (record) => record.costUsd],
  ["recordingSid", (record) => record.recording?.sid ?? null],
];

const REVIEW_COLUMNS: readonly (readonly [name: string, value: (review: CallReview) => Value])[] = [
  ["rating", ({ rating }) => rating],
  ["tags", ({ tags }) => tags.join(" ")],
  ["flags", ({ flags }) => flags.join(" ")],
  ["reviewedAt", ({ reviewedAt }) => reviewedAt],
  ["reviewedBy", ({ reviewedBy }) => reviewedBy],
  ["reviewNotes", ({ notes }) => notes.map(({ text }) => text).join("\n") || null],
];

/** The header line of calls with their reviews. */
export const EXPORT_HEAD = `${[...COLUMNS, ...REVIEW_COLUMNS].map(([name]) => name).join(",")}\r\n`;

/** One call with its review. */
export function csvRow(record: CallRecord, review: CallReview): string {
  const values = [
    ...COLUMNS.map(([, value]) => value(record)),
    ...REVIEW_COLUMNS.map(([, value]) => value(review)),
  ];
  return `${values.map(cell).join(",")}\r\n`;
}

/** The header line of calls as CSV (RFC 4180), line end included. */
export const CSV_HEAD = `${COLUMNS.map(([name]) => name).join(",")}\r\n`;

/** One call as a line of CSV, line end included. Turns and tools are only counted. */
export function csvLine(record: CallRecord): string {
  return `${COLUMNS.map(([, value]) => cell(value(record))).join(",")}\r\n`;
}

function durationS(record: CallRecord): number | null {
  if (record.startedAt === null || record.endedAt === null) return null;
  return Math.round((Date.parse(record.endedAt) - Date.parse(record.startedAt)) / 1000);
}

/**
 * SIP callers choose their own names, so a text that a spreadsheet would take for a formula gets an
 * apostrophe. Phone numbers stay as they are.
 */
function cell(value: Value): string {
  if (value === null) return "";
  const text = String(value);
  const safe =
    typeof value === "string" && /^[=+\-@\t\r]/.test(text) && !/^\+\d+$/.test(text)
      ? `'${text}`
      : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
