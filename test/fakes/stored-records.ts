import type { CallRecord } from "../../src/domain/call-record.js";
import type { CallCursor, CallQuery, CallStore } from "../../src/ports/store.js";

/** All records that a query finds, in its order. */
export async function storedRecords(
  store: Pick<CallStore, "find" | "loadMany">,
  query: CallQuery = {},
  callsPerPage = 100,
): Promise<readonly CallRecord[]> {
  const records: CallRecord[] = [];
  for (let after: CallCursor | null = null; ; ) {
    const page = await store.find(query, after, callsPerPage);
    const stored = await store.loadMany(page.map(({ callSid }) => callSid));
    for (const { callSid } of page) {
      const call = stored.get(callSid);
      if (call !== undefined) records.push(call.record);
    }
    after = page.at(-1)?.cursor ?? null;
    if (after === null) return records;
  }
}
