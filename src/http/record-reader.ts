/** Reads stored records so that the calls of this process go on meanwhile. */
import { setImmediate } from "node:timers/promises";
import type { CallRecord } from "../domain/call-record.js";
import type { CallSid } from "../domain/ids.js";
import type {
  CallCursor,
  CallQuery,
  CallStore,
  FoundCall,
  RecordForm,
  ReviewStore,
  WrittenRecords,
} from "../ports/store.js";
import { OneATurn } from "./one-a-turn.js";
import { nextOf } from "./record-query.js";

/** How many calls are looked up at once, without their records. */
const CALLS_PER_PAGE = 100;
/**
 * Bytes of records that are asked for at once: one record of a long call, a dozen of usual ones. A
 * thread reads and writes them, and rests after each, because Linux may let it finish before the
 * calls get the core. One turn of the event loop passes on as much.
 */
export const BYTES_PER_TURN = 32_000;
const RECORDS_PER_TURN = 50;
/** How many calls are exported in one turn with their reviews, which may be long. */
export const CALLS_PER_TURN = 20;
/** Shared by all readers: only one of them reads in a turn, however many there are. */
const TURNS = new OneATurn(Number.POSITIVE_INFINITY);

export interface ReaderParts {
  readonly store: Pick<CallStore, "find" | "writeRecords">;
  /** What this process knows of a live call, newer than the database; null = nothing. */
  readonly live: (callSid: CallSid) => CallRecord | null;
}

export interface Writing {
  readonly form: RecordForm;
  /** Phone numbers are masked. */
  readonly masked: boolean;
  /** Present for an export, which holds the reviews, too. */
  readonly reviewsOf?: ReviewStore["reviewsOf"];
}

/**
 * Yields the texts of at most `limit` records, a few in each turn of the event loop. Then, if there
 * are more calls, yields the `next` of the answer as a string.
 */
export async function* readRecords(
  parts: ReaderParts,
  query: CallQuery,
  from: CallCursor | null,
  limit: number,
  writing: Writing,
): AsyncGenerator<Uint8Array | string> {
  const most = writing.reviewsOf === undefined ? RECORDS_PER_TURN : CALLS_PER_TURN;
  let taken = 0;
  let last: CallCursor | null = null;
  for await (const page of findCalls(parts, query, from, Math.min(CALLS_PER_PAGE, limit + 1))) {
    for (const slice of slicesOf(page.slice(0, limit - taken), most)) {
      const { text, count } = await written(parts, slice, writing);
      if (count > 0) yield text;
    }
    if (page.length > limit - taken) {
      last = page[limit - taken - 1]?.cursor ?? last;
      if (last !== null) yield nextOf(last);
      return;
    }
    taken += page.length;
    last = page.at(-1)?.cursor ?? last;
  }
}

async function written(
  { store, live }: ReaderParts,
  slice: readonly FoundCall[],
  { form, masked, reviewsOf }: Writing,
): Promise<WrittenRecords> {
  await new Promise<void>((resolve) => TURNS.run(resolve));
  const callSids = slice.map(({ callSid }) => callSid);
  const newer = new Map<CallSid, string>();
  for (const callSid of callSids) {
    const record = live(callSid);
    if (record !== null) newer.set(callSid, JSON.stringify(record));
  }
  const reviews = (await reviewsOf?.(callSids)) ?? new Map();
  return await store.writeRecords({ callSids, form, masked, newer, reviews });
}

/** A long text in pieces, one in each turn of the event loop. */
export async function* inPieces(text: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < text.length; at += BYTES_PER_TURN) {
    if (at > 0) await setImmediate();
    yield text.subarray(at, at + BYTES_PER_TURN);
  }
}

/** Finds all calls of a query, from a position on, page by page. */
export async function* findCalls(
  { store }: { readonly store: Pick<CallStore, "find"> },
  query: CallQuery,
  from: CallCursor | null,
  callsPerPage = CALLS_PER_PAGE,
): AsyncGenerator<readonly FoundCall[]> {
  for (let after = from; ; ) {
    const page = await store.find(query, after, callsPerPage);
    yield page;
    const last = page.at(-1);
    if (last === undefined || page.length < callsPerPage) return;
    after = last.cursor;
  }
}

/** Splits calls into lists whose records can be read at once. */
function slicesOf(calls: readonly FoundCall[], most: number): readonly (readonly FoundCall[])[] {
  const slices: FoundCall[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const call of calls) {
    const slice = slices.at(-1);
    bytes += call.bytes;
    if (slice !== undefined && bytes <= BYTES_PER_TURN && slice.length < most) {
      slice.push(call);
    } else {
      slices.push([call]);
      bytes = call.bytes;
    }
  }
  return slices;
}
