/** Reads the query of `GET /api/calls`: what is searched for, and where the page begins. */
import { RATINGS, REVIEW_FLAGS, TAG } from "../domain/call-review.js";
import { ANY_CALL_ID, type CallSid } from "../domain/ids.js";
import type { CallOutcome } from "../domain/record-event.js";
import type { CallCursor, CallQuery, CallSort } from "../ports/store.js";

/** A query with a wrong value. The message, which the client gets, names the parameter. */
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
const SORTS: readonly CallSort[] = ["started", "duration", "latency", "cost", "interruptions"];
const MAX_TEXT_CHARS = 200;

/** @throws QueryFault */
export function readQuery(query: URLSearchParams): CallQuery {
  const from = query.get("from");
  return withoutNulls({
    state: oneOf(query, "state", STATES),
    outcome: oneOf(query, "outcome", OUTCOMES),
    agent: query.get("agent"),
    caller: from === null ? null : toCaller(from),
    sinceMs: readTime(query, "since"),
    untilMs: readTime(query, "until"),
    ...readSearch(query),
  });
}

function readSearch(query: URLSearchParams) {
  const text = textOf(query, "q");
  if (text !== null && text.length > MAX_TEXT_CHARS)
    throw new QueryFault(`q may have at most ${MAX_TEXT_CHARS} characters`);
  const destination = textOf(query, "destination");
  const minDurationS = readAmount(query, "min_duration_s");
  return {
    text,
    endReason: textOf(query, "end_reason"),
    destination: destination === null ? null : toCaller(destination),
    minLatencyMs: readAmount(query, "min_latency_ms"),
    minDurationMs: minDurationS === null ? null : minDurationS * 1_000,
    minCostUsd: readAmount(query, "min_cost_usd"),
    interrupted: readYesNo(query, "interrupted"),
    minInterruptions: readAmount(query, "min_interruptions"),
    toolFailed: readYesNo(query, "tool_failed"),
    node: textOf(query, "node"),
    ...readReviewed(query),
    sort: oneOf(query, "sort", SORTS),
  };
}

function readReviewed(query: URLSearchParams) {
  const tag = textOf(query, "tag");
  if (tag !== null && !TAG.test(tag))
    throw new QueryFault("tag must be one tag: lower-case letters, digits, - and _");
  const rating = oneOf(query, "rating", RATINGS.map(String));
  return {
    flag: oneOf(query, "flag", REVIEW_FLAGS),
    review: oneOf(query, "review", ["open", "done"] as const),
    tag,
    rating: rating === null ? null : (RATINGS.find((one) => String(one) === rating) ?? null),
  };
}

type WithoutNulls<Values> = { [Name in keyof Values]?: NonNullable<Values[Name]> };

export function withoutNulls<Values extends object>(values: Values): WithoutNulls<Values> {
  const set = Object.entries(values).filter(([, value]) => value !== null);
  return Object.fromEntries(set) as WithoutNulls<Values>;
}

/** @throws QueryFault */
export function readLimit(query: URLSearchParams): number {
  const text = query.get("limit");
  if (text === null || text === "") return DEFAULT_LIMIT;
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw new QueryFault(`limit must be a number from 1 to ${MAX_LIMIT}`);
  }
  return limit;
}

const CURSOR = new RegExp(`^(-1|\\d{1,15}(?:\\.\\d{1,20})?(?:e-\\d{1,3})?)-(${ANY_CALL_ID})$`);

/** Sorts before the id of any call. */
const NO_CALL = "" as CallSid;

/** @throws QueryFault */
export function readCursor(query: URLSearchParams): CallCursor | null {
  const text = query.get("before");
  if (text === null || text === "") return null;
  const match = CURSOR.exec(Buffer.from(text, "base64url").toString("latin1"));
  if (match !== null) return { value: Number(match[1]), callSid: match[2] as CallSid };
  // A time is a place only among calls that are listed by their beginning.
  const ms = (query.get("sort") ?? "started") === "started" ? timeOf(text) : null;
  if (ms === null)
    throw new QueryFault("before must be the `next` of an earlier answer, or a time");
  return { value: ms, callSid: NO_CALL };
}

/** The place as text: the `next` of an answer. */
export function nextOf({ value, callSid }: CallCursor): string {
  return Buffer.from(`${value}-${callSid}`).toString("base64url");
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
  if (found === undefined) throw new QueryFault(`${name} must be one of ${values.join(", ")}`);
  return found;
}

/** ISO 8601, or ms since the epoch. @throws QueryFault */
export function readTime(query: URLSearchParams, name: string): number | null {
  const text = query.get(name);
  if (text === null || text === "") return null;
  const ms = timeOf(text);
  if (ms === null) throw new QueryFault(`${name} must be a time, for example 2026-11-21T08:00:00Z`);
  return ms;
}

/** Null: no time. */
function timeOf(text: string): number | null {
  const ms = /^\d{10,}$/.test(text) ? Number(text) : Date.parse(text);
  // Later than the year 275760 there is no date.
  return Number.isNaN(new Date(ms).getTime()) ? null : ms;
}

function textOf(query: URLSearchParams, name: string): string | null {
  const text = query.get(name);
  return text === null || text.trim() === "" ? null : text;
}

function readAmount(query: URLSearchParams, name: string): number | null {
  const text = textOf(query, name);
  if (text === null) return null;
  if (!/^\d{1,9}(\.\d{1,9})?$/.test(text))
    throw new QueryFault(`${name} must be a number, for example 1.5`);
  return Number(text);
}

/** @throws QueryFault */
export function readYesNo(query: URLSearchParams, name: string): boolean | null {
  const text = oneOf(query, name, ["true", "false"]);
  return text === null ? null : text === "true";
}
