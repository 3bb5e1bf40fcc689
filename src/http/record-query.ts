/** What `GET /api/calls` can be asked, and where a page begins. */
import type { CallRecord } from "../domain/call-record.js";
import type { CallSid } from "../domain/ids.js";
import type { CallOutcome } from "../domain/record-event.js";
import type { CallCursor, CallFilter } from "../ports/store.js";

/** A query that cannot be understood; the message names the parameter. */
export class QueryFault extends Error {}

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 500;
const STATES = ["live", "ended"] as const;
const OUTCOMES: readonly CallOutcome[] = [
  "completed",
  "transferred",
  "abandoned",
  "failed",
  "rejected",
];

/** @throws QueryFault */
export function readFilter(query: URLSearchParams): CallFilter {
  const state = oneOf(query, "state", STATES);
  const outcome = oneOf(query, "outcome", OUTCOMES);
  const agent = query.get("agent");
  const from = query.get("from");
  const sinceMs = readTime(query, "since");
  const untilMs = readTime(query, "until");
  return {
    ...(state === null ? {} : { state }),
    ...(outcome === null ? {} : { outcome }),
    ...(agent === null ? {} : { agent }),
    ...(from === null ? {} : { caller: toCaller(from) }),
    ...(sinceMs === null ? {} : { sinceMs }),
    ...(untilMs === null ? {} : { untilMs }),
  };
}

/** @throws QueryFault */
export function readLimit(query: URLSearchParams): number {
  const text = query.get("limit");
  if (text === null || text === "") return DEFAULT_LIMIT;
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw new QueryFault(`limit is a number from 1 to ${MAX_LIMIT}`);
  }
  return limit;
}

/** @throws QueryFault */
export function readCursor(query: URLSearchParams): CallCursor | null {
  const text = query.get("before");
  if (text === null || text === "") return null;
  const match = /^(\d{1,15})-(CA[0-9A-Za-z]{1,62}|rtc_[\w-]{1,100})$/.exec(
    Buffer.from(text, "base64url").toString("latin1"),
  );
  if (match === null) throw new QueryFault("before is the `next` of an earlier answer");
  return { startedMs: Number(match[1]), callSid: match[2] as CallSid };
}

/** Where the page after this call begins. */
export function cursorAfter(record: CallRecord): CallCursor {
  return {
    startedMs: record.startedAt === null ? 0 : Date.parse(record.startedAt),
    callSid: record.callSid,
  };
}

/** The same as text: the `next` of an answer. */
export function nextOf(record: CallRecord): string {
  const { startedMs, callSid } = cursorAfter(record);
  return Buffer.from(`${startedMs}-${callSid}`).toString("base64url");
}

/** In a query a "+" stands for a space unless it is escaped, which people forget. */
export function toCaller(text: string): string {
  return text.replace(/^ (?=\d)/, "+").trim();
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
