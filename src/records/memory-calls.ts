import type { CallRecord } from "../domain/call-record.js";
import type { CallCursor, CallFilter, CallStore } from "../ports/store.js";
import type { MemoryJournal } from "./memory-journal.js";

/**
 * Lists and loads the records of a journal in memory, for the operator API of the demo and of
 * tests.
 */
export function memoryCalls(
  journal: Pick<MemoryJournal, "record" | "records">,
): Pick<CallStore, "list" | "load"> {
  return {
    list: async (filter, after, limit) =>
      journal
        .records()
        .filter((record) => fits(record, filter) && (after === null || isAfter(record, after)))
        .sort((a, b) => startedMs(b) - startedMs(a) || (a.callSid < b.callSid ? 1 : -1))
        .slice(0, limit),
    load: async (callSid) => {
      const record = journal.record(callSid);
      return record === null ? null : { record, version: 1, applied: {}, owner: "memory" };
    },
  };
}

function startedMs({ startedAt }: CallRecord): number {
  return startedAt === null ? 0 : Date.parse(startedAt);
}

function isAfter(record: CallRecord, after: CallCursor): boolean {
  const ms = startedMs(record);
  return ms < after.startedMs || (ms === after.startedMs && record.callSid < after.callSid);
}

function fits(record: CallRecord, filter: CallFilter): boolean {
  const { state, agent, outcome, sinceMs, untilMs, caller } = filter;
  const ms = startedMs(record);
  return (
    (state === undefined || record.state === state) &&
    (agent === undefined || record.agent === agent) &&
    (outcome === undefined || record.outcome === outcome) &&
    (sinceMs === undefined || ms >= sinceMs) &&
    (untilMs === undefined || ms < untilMs) &&
    (caller === undefined || (record.direction === "outbound" ? record.to : record.from) === caller)
  );
}
