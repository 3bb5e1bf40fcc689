import type { CallRecord } from "../domain/call-record.js";
import type { CallSid } from "../domain/ids.js";
import type { CallQuery, CallStore, FoundCall } from "../ports/store.js";
import type { MemoryJournal } from "./memory-journal.js";
import { searchDocument } from "./search-document.js";
import { isAfterCursor, matchesQuery, sortValue } from "./search-match.js";

/**
 * Finds and loads the records of a journal in memory, for the operator API of the demo and of
 * tests.
 */
export function memoryCalls(
  journal: Pick<MemoryJournal, "record" | "records">,
): Pick<CallStore, "find" | "load" | "loadJson"> {
  return {
    find: async (query, after, limit) => {
      const sort = query.sort ?? "started";
      return found(journal.records(), query)
        .filter(({ document }) => after === null || isAfterCursor(document, sort, after))
        .slice(0, limit)
        .map(({ call }) => call);
    },
    load: async (callSid) => {
      const record = journal.record(callSid);
      return record === null ? null : { record, version: 1, applied: {}, owner: "memory" };
    },
    loadJson: async (callSids) => {
      const texts = new Map<CallSid, string>();
      for (const callSid of callSids) {
        const record = journal.record(callSid);
        if (record !== null) texts.set(callSid, JSON.stringify(record));
      }
      return texts;
    },
  };
}

function found(records: readonly CallRecord[], query: CallQuery) {
  const sort = query.sort ?? "started";
  return records
    .filter((record) => matchesQuery(record, query))
    .map((record) => {
      const document = searchDocument(record);
      const { callSid } = record;
      const bytes = Buffer.byteLength(JSON.stringify(record));
      const cursor = { value: sortValue(document, sort), callSid };
      const call: FoundCall = { callSid, bytes, cursor };
      return { document, call };
    })
    .sort(
      ({ call: { cursor: a } }, { call: { cursor: b } }) =>
        b.value - a.value || (a.callSid < b.callSid ? 1 : -1),
    );
}
