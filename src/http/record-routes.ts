/** Call records for operators: lists, single calls, export and deletion. See `docs/records.md`. */
import { setImmediate } from "node:timers/promises";
import type { CallRecord } from "../domain/call-record.js";
import { RelayError } from "../domain/errors.js";
import type { CallSid } from "../domain/ids.js";
import type { CallCursor, CallFilter, CallStore } from "../ports/store.js";
import { CSV_HEAD, csvLine } from "../records/csv.js";
import { callSidOf } from "./call-routes.js";
import { EXPORT, LIST, ONE, REMOVE, REMOVE_CALLER } from "./openapi/record-docs.js";
import { failure, type RouteDoc } from "./openapi/route-doc.js";
import type { OperatorRequest, OperatorRoute } from "./operator-router.js";
import {
  cursorAfter,
  nextOf,
  QueryFault,
  readCursor,
  readFilter,
  readLimit,
  toCaller,
} from "./record-query.js";
import { json, type Reply } from "./reply.js";

export interface RecordRouteParts {
  readonly store: Pick<CallStore, "list" | "load">;
  /** What this process knows of a live call, newer than the database; null = nothing. */
  readonly live: (callSid: CallSid) => CallRecord | null;
  /** Removes everything about a call, files too; false = there was nothing. */
  readonly remove: (callSid: CallSid) => Promise<boolean>;
}

/**
 * Records that are read from the database in one turn of the event loop. A long call's record has
 * 30 KB: more of them would keep the calls of this process waiting for over 5 ms.
 */
const RECORDS_PER_TURN = 8;
/** More calls of one caller than this are exported in several answers. */
const MAX_EXPORT = 2_000;

export function recordRoutes(parts: RecordRouteParts): readonly OperatorRoute[] {
  const route = (
    method: "GET" | "DELETE",
    path: string,
    doc: RouteDoc,
    handle: (request: OperatorRequest) => Promise<Reply>,
  ): OperatorRoute => ({
    method,
    path,
    access: "guarded",
    doc: { ...doc, answers: { 503: failure("The database is away"), ...doc.answers } },
    handle: async (request) => await answer(handle, request),
  });
  return [
    route("GET", "/api/calls", LIST, async (request) => await listCalls(parts, request)),
    route(
      "GET",
      "/api/calls/:callSid",
      ONE,
      async ({ params }) => await oneCall(parts, params["callSid"] ?? ""),
    ),
    route("DELETE", "/api/calls/:callSid", REMOVE, async ({ params }) => {
      const callSid = callSidOf(params["callSid"]);
      if (callSid === null || !(await parts.remove(callSid)))
        return json(404, { error: "not_found" });
      return { status: 204 };
    }),
    route(
      "GET",
      "/api/callers/:caller",
      EXPORT,
      async (request) => await exportCaller(parts, request),
    ),
    route(
      "DELETE",
      "/api/callers/:caller",
      REMOVE_CALLER,
      async ({ params }) => await deleteCaller(parts, params["caller"] ?? ""),
    ),
  ];
}

async function answer(
  handle: (request: OperatorRequest) => Promise<Reply>,
  request: OperatorRequest,
): Promise<Reply> {
  try {
    return await handle(request);
  } catch (error) {
    if (error instanceof QueryFault) return json(400, { error: "invalid", message: error.message });
    if (error instanceof RelayError && error.code === "store_unavailable")
      return json(503, { error: error.code });
    throw error;
  }
}

async function listCalls(
  parts: RecordRouteParts,
  { query, head }: OperatorRequest,
): Promise<Reply> {
  const limit = readLimit(query);
  const records = readRecords(parts, readFilter(query), readCursor(query));
  const format =
    query.get("format") ?? (head.header("accept").includes("text/csv") ? "csv" : "json");
  if (format === "csv") return await csvReply(records, limit);
  if (format !== "json") throw new QueryFault("format is json or csv");
  return await jsonReply({}, records, limit);
}

/** A line of CSV is short, so that the whole text is kept: its head names the next page. */
async function csvReply(records: AsyncIterable<CallRecord>, limit: number): Promise<Reply> {
  const lines = [CSV_HEAD];
  let next: string | null = null;
  for await (const item of firstOf(records, limit)) {
    if (typeof item === "string") next = item;
    else lines.push(csvLine(item));
  }
  return {
    status: 200,
    type: "text/csv; charset=utf-8; header=present",
    body: lines.join(""),
    headers: next === null ? {} : { "X-Next-Cursor": next },
  };
}

/** `{…fields, "calls": […], "next": …}`, written record by record. */
async function jsonReply(
  fields: Readonly<Record<string, string>>,
  records: AsyncIterable<CallRecord>,
  limit: number,
): Promise<Reply> {
  async function* chunks(): AsyncGenerator<string> {
    let before = JSON.stringify({ ...fields, calls: [] }).slice(0, -"]}".length);
    let next: string | null = null;
    for await (const item of firstOf(records, limit)) {
      if (typeof item === "string") {
        next = item;
      } else {
        yield before + JSON.stringify(item);
        before = ",";
      }
    }
    yield `${before === "," ? "" : before}],"next":${JSON.stringify(next)}}`;
  }
  return { status: 200, type: "application/json; charset=utf-8", chunks: await begun(chunks()) };
}

/** Reads the first part: while the database is away, that fails here and can be answered. */
async function begun<T>(parts: AsyncGenerator<T>): Promise<AsyncIterable<T>> {
  const first = await parts.next();
  async function* all(): AsyncGenerator<T> {
    if (first.done === true) return;
    yield first.value;
    yield* parts;
  }
  return all();
}

/** At most `limit` records; then, if there are more, the `next` of the answer. */
async function* firstOf(
  records: AsyncIterable<CallRecord>,
  limit: number,
): AsyncGenerator<CallRecord | string> {
  let taken = 0;
  let last: CallRecord | null = null;
  for await (const record of records) {
    if (taken === limit) {
      if (last !== null) yield nextOf(last);
      return;
    }
    yield record;
    last = record;
    taken += 1;
  }
}

/** All records from a place on, newest first, a few in each turn of the event loop. */
async function* readRecords(
  parts: RecordRouteParts,
  filter: CallFilter,
  from: CallCursor | null,
): AsyncGenerator<CallRecord> {
  for (let after = from; ; ) {
    const page = await parts.store.list(filter, after, RECORDS_PER_TURN);
    for (const record of page) yield newest(parts, record);
    const last = page.at(-1);
    if (last === undefined || page.length < RECORDS_PER_TURN) return;
    after = cursorAfter(last);
    await setImmediate();
  }
}

async function oneCall(parts: RecordRouteParts, text: string): Promise<Reply> {
  const callSid = callSidOf(text);
  if (callSid === null) return json(404, { error: "not_found" });
  const record = parts.live(callSid) ?? (await parts.store.load(callSid))?.record ?? null;
  return record === null ? json(404, { error: "not_found" }) : json(200, record);
}

async function exportCaller(
  parts: RecordRouteParts,
  { params, query }: OperatorRequest,
): Promise<Reply> {
  const caller = toCaller(params["caller"] ?? "");
  return await jsonReply({ caller }, readRecords(parts, { caller }, readCursor(query)), MAX_EXPORT);
}

async function deleteCaller(parts: RecordRouteParts, text: string): Promise<Reply> {
  const caller = toCaller(text);
  let deleted = 0;
  for await (const { callSid } of readRecords(parts, { caller }, null)) {
    if (await parts.remove(callSid)) deleted += 1;
  }
  return json(200, { deleted });
}

function newest(parts: RecordRouteParts, record: CallRecord): CallRecord {
  return record.state === "live" ? (parts.live(record.callSid) ?? record) : record;
}
