/**
 * Call records for operators: lists, single calls, export and deletion. `docs/records.md` has the reference.
 */

import type { CallRecord } from "../domain/call-record.js";
import { RelayError } from "../domain/errors.js";
import type { CallSid } from "../domain/ids.js";
import type { CallOutcome } from "../domain/record-event.js";
import type { CallCursor, CallFilter, CallStore } from "../ports/store.js";
import { toCsv } from "../records/csv.js";
import { callSidOf } from "./call-routes.js";
import type { OperatorRequest, OperatorRoute } from "./operator-router.js";
import { json, type Reply } from "./reply.js";

export interface RecordRouteParts {
  readonly store: Pick<CallStore, "list" | "load">;
  /** What this process knows of a live call, newer than the database; null = nothing. */
  readonly live: (callSid: CallSid) => CallRecord | null;
  /** Removes all of a call, files too; false = there was nothing. */
  readonly remove: (callSid: CallSid) => Promise<boolean>;
}

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 500;
/** A page of what is deleted or exported by caller. */
const CALLER_PAGE = 200;
/** More calls of one caller than this are exported in pieces. */
const MAX_EXPORT = 2_000;
const OUTCOMES: readonly CallOutcome[] = [
  "completed",
  "transferred",
  "abandoned",
  "failed",
  "rejected",
];

export function recordRoutes(parts: RecordRouteParts): readonly OperatorRoute[] {
  const route = (
    method: "GET" | "DELETE",
    path: string,
    handle: (request: OperatorRequest) => Promise<Reply>,
  ): OperatorRoute => ({
    method,
    path,
    access: "guarded",
    handle: async (request) => await answer(handle, request),
  });
  return [
    route("GET", "/api/calls", async (request) => await listCalls(parts, request)),
    route(
      "GET",
      "/api/calls/:callSid",
      async ({ params }) => await oneCall(parts, params["callSid"] ?? ""),
    ),
    route("DELETE", "/api/calls/:callSid", async ({ params }) => {
      const callSid = callSidOf(params["callSid"]);
      if (callSid === null || !(await parts.remove(callSid)))
        return json(404, { error: "not_found" });
      return { status: 204 };
    }),
    route("GET", "/api/callers/:caller", async (request) => await exportCaller(parts, request)),
    route(
      "DELETE",
      "/api/callers/:caller",
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

/** A query that cannot be understood; the message names the parameter. */
class QueryFault extends Error {}

async function listCalls(
  parts: RecordRouteParts,
  { query, head }: OperatorRequest,
): Promise<Reply> {
  const limit = readLimit(query);
  const after = readCursor(query);
  const page = await parts.store.list(readFilter(query), after, limit + 1);
  const records = page.slice(0, limit).map((record) => newest(parts, record));
  const next = page.length > limit ? cursorOf(records.at(-1)) : null;
  const format =
    query.get("format") ?? (head.header("accept").includes("text/csv") ? "csv" : "json");
  if (format === "csv") {
    const headers = next === null ? {} : { "X-Next-Cursor": next };
    return {
      status: 200,
      type: "text/csv; charset=utf-8; header=present",
      body: toCsv(records),
      headers,
    };
  }
  if (format !== "json") throw new QueryFault("format is json or csv");
  return json(200, { calls: records, next });
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
  const calls: CallRecord[] = [];
  let after = readCursor(query);
  for (;;) {
    const page = await parts.store.list({ caller }, after, CALLER_PAGE);
    calls.push(...page.map((record) => newest(parts, record)));
    after = toCursor(page.at(-1));
    if (page.length < CALLER_PAGE) return json(200, { caller, calls, next: null });
    if (calls.length >= MAX_EXPORT)
      return json(200, { caller, calls, next: cursorOf(page.at(-1)) });
  }
}

async function deleteCaller(parts: RecordRouteParts, text: string): Promise<Reply> {
  const caller = toCaller(text);
  let deleted = 0;
  for (let after: CallCursor | null = null; ; ) {
    const page: readonly CallRecord[] = await parts.store.list({ caller }, after, CALLER_PAGE);
    for (const record of page) if (await parts.remove(record.callSid)) deleted += 1;
    if (page.length < CALLER_PAGE) return json(200, { deleted });
    after = toCursor(page.at(-1));
  }
}

function newest(parts: RecordRouteParts, record: CallRecord): CallRecord {
  return record.state === "live" ? (parts.live(record.callSid) ?? record) : record;
}

function readFilter(query: URLSearchParams): CallFilter {
  const state = oneOf(query, "state", ["live", "ended"] as const);
  const outcome = oneOf(query, "outcome", OUTCOMES);
  const agent = query.get("agent");
  const from = query.get("from");
  const since = readTime(query, "since");
  const until = readTime(query, "until");
  return {
    ...(state === null ? {} : { state }),
    ...(outcome === null ? {} : { outcome }),
    ...(agent === null ? {} : { agent }),
    ...(from === null ? {} : { caller: toCaller(from) }),
    ...(since === null ? {} : { sinceMs: since }),
    ...(until === null ? {} : { untilMs: until }),
  };
}

function oneOf<Value extends string>(
  query: URLSearchParams,
  name: string,
  values: readonly Value[],
): Value | null {
  const text = query.get(name);
  if (text === null || text === "") return null;
  const found = values.find((value) => value === text);
  if (found === undefined) throw new QueryFault(`${name} is one of ${values.join(", ")}`);
  return found;
}

/** ISO 8601, or ms since the epoch. */
function readTime(query: URLSearchParams, name: string): number | null {
  const text = query.get(name);
  if (text === null || text === "") return null;
  const ms = /^\d{10,}$/.test(text) ? Number(text) : Date.parse(text);
  if (!Number.isSafeInteger(ms)) throw new QueryFault(`${name} is a time, as 2026-11-21T08:00:00Z`);
  return ms;
}

function readLimit(query: URLSearchParams): number {
  const text = query.get("limit");
  if (text === null || text === "") return DEFAULT_LIMIT;
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw new QueryFault(`limit is a number from 1 to ${MAX_LIMIT}`);
  }
  return limit;
}

function readCursor(query: URLSearchParams): CallCursor | null {
  const text = query.get("before");
  if (text === null || text === "") return null;
  const match = /^(\d{1,15})-(CA[0-9A-Za-z]{1,62}|rtc_[\w-]{1,100})$/.exec(
    Buffer.from(text, "base64url").toString("latin1"),
  );
  // `next` of the page before; nothing else says where a page begins.
  if (match === null) throw new QueryFault("before is the `next` of an earlier answer");
  return { startedMs: Number(match[1]), callSid: match[2] as CallSid };
}

function toCursor(record: CallRecord | undefined): CallCursor | null {
  if (record === undefined) return null;
  return {
    startedMs: record.startedAt === null ? 0 : Date.parse(record.startedAt),
    callSid: record.callSid,
  };
}

function cursorOf(record: CallRecord | undefined): string | null {
  const cursor = toCursor(record);
  return cursor === null
    ? null
    : Buffer.from(`${cursor.startedMs}-${cursor.callSid}`).toString("base64url");
}

/** In a query a "+" stands for a space unless it was escaped; nobody escapes it. */
function toCaller(text: string): string {
  return text.replace(/^ (?=\d)/, "+").trim();
}
