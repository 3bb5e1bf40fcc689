import type { CallRecord } from "../domain/call-record.js";

const COLUMNS: readonly (readonly [
  name: string,
  value: (record: CallRecord) => string | number | null,
])[] = [
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
function cell(value: string | number | null): string {
  if (value === null) return "";
  const text = String(value);
  const safe =
    typeof value === "string" && /^[=+\-@\t\r]/.test(text) && !/^\+\d+$/.test(text)
      ? `'${text}`
      : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
