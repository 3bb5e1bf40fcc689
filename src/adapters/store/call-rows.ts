/** Converts calls to rows of the table `calls` and back. */
import type { CallRecord } from "../../domain/call-record.js";
import type { CallSid } from "../../domain/ids.js";
import type { CallOutcome } from "../../domain/record-event.js";
import type { CallSave, StoredCall, WriterId } from "../../ports/store.js";
import { emptyRecord } from "../../records/record.js";
import { readStoredRecord, UNREADABLE } from "../../records/stored-record.js";
import type { CallsTable } from "./tables.js";

export const CALL_COLUMNS = [
  "call_sid",
  "version",
  "owner",
  "state",
  "agent",
  "direction",
  "caller",
  "from_number",
  "to_number",
  "outcome",
  "started_ms",
  "ended_ms",
  "cost_usd",
  "recording_sid",
  "recording_file",
  "record",
  "applied",
] as const satisfies readonly (keyof CallsTable)[];

/** The values of `CALL_COLUMNS`. */
export function callValues(save: CallSave): readonly unknown[] {
  const row = toRow(save);
  return CALL_COLUMNS.map((column) => row[column]);
}

function toRow(save: CallSave): CallsTable {
  const { record } = save;
  return {
    call_sid: save.callSid,
    version: save.basedOn + 1,
    owner: save.owner,
    state: record.state,
    agent: storableOrNull(record.agent),
    direction: record.direction,
    caller: storableOrNull(record.direction === "inbound" ? record.from : record.to),
    from_number: storableOrNull(record.from),
    to_number: storableOrNull(record.to),
    outcome: record.outcome,
    started_ms: record.startedAt === null ? 0 : Date.parse(record.startedAt),
    ended_ms: record.endedAt === null ? null : Date.parse(record.endedAt),
    cost_usd: record.costUsd,
    recording_sid: record.recording?.sid ?? null,
    recording_file: record.recording?.file ?? null,
    record: storableJson(record),
    applied: JSON.stringify(save.applied),
  };
}

/**
 * JSON may contain an escaped NUL or half a surrogate pair. PostgreSQL's `jsonb` refuses both, and
 * some SQLite clients crash on them, so a person could not read the record with SQL.
 */
function storableJson(record: CallRecord): string {
  const json = JSON.stringify(record);
  if (!json.includes("\\u")) return json;
  return json.replace(
    /\\(?:u(0000|d[89a-f][0-9a-f]{2})|.)/g,
    (written: string, unfit: string | undefined) =>
      unfit === undefined ? written : unfit === "0000" ? "" : "\uFFFD",
  );
}

function storableOrNull(text: string | null): string | null {
  return text === null ? null : storable(text);
}

/** The same for plain text, in which PostgreSQL allows neither. */
export function storable(text: string): string {
  return text.replace(/\0/g, "").replace(/[\uD800-\uDFFF]/gu, "\uFFFD");
}

// `callValues` wrote this column.
export function parseRecord(json: string): CallRecord {
  return JSON.parse(json) as CallRecord;
}

/** What `toStoredCall` reads. */
export const STORED_COLUMNS = [
  "call_sid",
  "version",
  "owner",
  "state",
  "agent",
  "direction",
  "from_number",
  "to_number",
  "outcome",
  "started_ms",
  "ended_ms",
  "record",
  "applied",
] as const satisfies readonly (keyof CallsTable)[];

type StoredRow = Pick<CallsTable, (typeof STORED_COLUMNS)[number]>;

/** A record that is damaged is begun anew: calls that are stored with it must not wait for it. */
export function toStoredCall(row: StoredRow): StoredCall {
  const { version, owner } = row;
  const record = readStoredRecord(row.record, toCallSid(row));
  const applied = readApplied(row.applied);
  // Without `applied` the events of a good record would be applied once more.
  return record === null || applied === null
    ? { record: remnant(row), version, applied: {}, owner, unreadable: row.record }
    : { record, version, applied, owner };
}

/** Null: it is damaged. */
function readApplied(json: string): Record<WriterId, number> | null {
  try {
    const value: unknown = JSON.parse(json);
    const isObject = typeof value === "object" && value !== null;
    return isObject ? (value as Record<WriterId, number>) : null;
  } catch {
    return null;
  }
}

/** What the other columns tell of a call. */
function remnant(row: StoredRow): CallRecord {
  return {
    ...emptyRecord(toCallSid(row)),
    state: row.state === "ended" ? "ended" : "live",
    agent: row.agent,
    direction: row.direction === "outbound" ? "outbound" : "inbound",
    from: row.from_number,
    to: row.to_number,
    startedAt: row.started_ms > 0 ? new Date(row.started_ms).toISOString() : null,
    endedAt: row.ended_ms === null ? null : new Date(row.ended_ms).toISOString(),
    outcome: row.outcome as CallOutcome | null,
    events: [{ atMs: 0, name: UNREADABLE, fields: {} }],
  };
}

export function toCallSid(row: { readonly call_sid: string }): CallSid {
  return row.call_sid as CallSid;
}
