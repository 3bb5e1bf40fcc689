import type { CallRecord } from "../domain/call-record.js";
import type { CallSid } from "../domain/ids.js";
import type { RecordEvent } from "../domain/record-event.js";
import type { Log } from "../ports/log.js";
import type { Spool } from "../ports/spool.js";
import type { StoredCall } from "../ports/store.js";
import { applyEvents, emptyRecord } from "./record.js";

/** Of the event by which a record says that what was stored before could not be read. */
export const UNREADABLE = "record_unreadable";

/** Of the event that stands in place of one that could not be applied. */
const EVENT_UNREADABLE = "event_unreadable";

/**
 * Reads a record as it was stored, by this release or by an earlier one, which knew fewer fields.
 *
 * @returns  null when it is damaged: events could not be applied to it.
 */
export function readStoredRecord(json: string, callSid: CallSid): CallRecord | null {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return null;
  }
  if (!isObject(value) || value["callSid"] !== callSid) return null;
  const empty = emptyRecord(callSid);
  const { usage = {} } = value;
  if (!isObject(usage)) return null;
  const record = { ...empty, ...value, usage: { ...empty.usage, ...usage } } as CallRecord;
  return isWhole(record) ? record : null;
}

/** What is read when events are applied is as it should be. */
function isWhole(record: CallRecord): boolean {
  const { turns, tools, events, earlierTransfers, transfer, usage, startedAt } = record;
  const lists: readonly unknown[] = [turns, tools, events, earlierTransfers];
  return (
    lists.every((list) => Array.isArray(list) && list.every(isObject)) &&
    (transfer === null || (isObject(transfer) && Array.isArray(transfer.steps))) &&
    [usage.models, usage.transcription].every(
      (by) => isObject(by) && Object.values(by).every(isObject),
    ) &&
    (startedAt === null || Number.isFinite(Date.parse(startedAt)))
  );
}

/**
 * As `applyEvents`, for events that were read from a journal: in place of one that this release
 * cannot apply, the record says so. A newer release may have written it, or a disk may have lost a
 * part of it, and the events of all other calls wait behind it.
 */
export function applyReadable(record: CallRecord, events: readonly RecordEvent[]): CallRecord {
  try {
    return applyEvents(record, events);
  } catch {
    return events.reduce(applyOne, record);
  }
}

function applyOne(record: CallRecord, event: RecordEvent): CallRecord {
  try {
    return applyEvents(record, [event]);
  } catch {
    const fields = { type: event.type };
    return applyEvents(record, [{ type: "note", atMs: 0, name: EVENT_UNREADABLE, fields }]);
  }
}

export interface SetAsidePorts {
  readonly spool: Pick<Spool, "quarantine">;
  readonly log: Log;
}

/** A record that could not be read is kept for a person to look at, before it is written anew. */
export async function setAside(
  callSid: CallSid,
  stored: StoredCall | null,
  { spool, log }: SetAsidePorts,
): Promise<void> {
  if (stored?.unreadable === undefined) return;
  log.error("records: stored record unreadable, set aside", { callSid });
  await spool.quarantine(callSid, stored.unreadable).catch((error: unknown) => {
    // The others must not wait for a disk.
    log.error("records: unreadable record not kept", { callSid }, error);
  });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
