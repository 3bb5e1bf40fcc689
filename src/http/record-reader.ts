/** Reads stored records so that the calls of this process go on meanwhile. */
import type { CallRecord } from "../domain/call-record.js";
import type { CallSid } from "../domain/ids.js";
import type { CallCursor, CallQuery, CallStore, FoundCall } from "../ports/store.js";
import { OneATurn } from "./one-a-turn.js";
import { nextOf } from "./record-query.js";

/** Calls that are found at once, without their records. */
const CALLS_PER_PAGE = 100;
/**
 * Records that are read in one turn of the event loop, three of long calls: with writing them and
 * with the garbage that they leave, the calls of this process wait for about a millisecond.
 */
const BYTES_PER_TURN = 100_000;
const RECORDS_PER_TURN = 50;
/** Of all readers: in one turn one of them reads, however many there are. */
const TURNS = new OneATurn(Number.POSITIVE_INFINITY);

export interface ReaderParts {
  readonly store: Pick<CallStore, "find" | "loadJson">;
  /** What this process knows of a live call, newer than the database; null = nothing. */
  readonly live: (callSid: CallSid) => CallRecord | null;
}

export interface ReadRecord {
  /** As it is stored: most readers pass it on. */
  readonly json: string;
  readonly cursor: CallCursor;
}

/**
 * At most `limit` records, a few in each turn of the event loop; then, if there are more, the
 * `next` of the answer.
 */
export function readRecords(
  parts: ReaderParts,
  query: CallQuery,
  from: CallCursor | null,
  limit: number,
): AsyncGenerator<ReadRecord | string> {
  const pages = findCalls(parts, query, from, Math.min(CALLS_PER_PAGE, limit + 1));
  return firstOf(recordsOf(parts, pages), limit);
}

async function* firstOf(
  records: AsyncIterable<ReadRecord>,
  limit: number,
): AsyncGenerator<ReadRecord | string> {
  let taken = 0;
  let last: ReadRecord | null = null;
  for await (const record of records) {
    if (taken === limit) {
      if (last !== null) yield nextOf(last.cursor);
      return;
    }
    yield record;
    last = record;
    taken += 1;
  }
}

async function* recordsOf(
  parts: ReaderParts,
  pages: AsyncIterable<readonly FoundCall[]>,
): AsyncGenerator<ReadRecord> {
  for await (const page of pages) {
    for (const slice of slicesOf(page)) {
      await new Promise<void>((resolve) => TURNS.run(resolve));
      const stored = await parts.store.loadJson(slice.map(({ callSid }) => callSid));
      for (const { callSid, cursor } of slice) {
        const live = parts.live(callSid);
        // A call that was deleted meanwhile is missing.
        const json = live === null ? stored.get(callSid) : JSON.stringify(live);
        if (json !== undefined) yield { json, cursor };
      }
    }
  }
}

/** Everything that is found from a place on, page by page. */
export async function* findCalls(
  parts: ReaderParts,
  query: CallQuery,
  from: CallCursor | null,
  callsPerPage = CALLS_PER_PAGE,
): AsyncGenerator<readonly FoundCall[]> {
  for (let after = from; ; ) {
    const page = await parts.store.find(query, after, callsPerPage);
    yield page;
    const last = page.at(-1);
    if (last === undefined || page.length < callsPerPage) return;
    after = last.cursor;
  }
}

/** Splits calls into lists whose records can be read at once. */
function slicesOf(calls: readonly FoundCall[]): readonly (readonly FoundCall[])[] {
  const slices: FoundCall[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const call of calls) {
    const slice = slices.at(-1);
    bytes += call.bytes;
    if (slice !== undefined && bytes <= BYTES_PER_TURN && slice.length < RECORDS_PER_TURN) {
      slice.push(call);
    } else {
      slices.push([call]);
      bytes = call.bytes;
    }
  }
  return slices;
}
