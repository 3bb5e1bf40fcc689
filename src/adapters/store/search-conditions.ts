/** What a query wants of a row of `call_search as s`, in SQL. */
import { type RawBuilder, sql } from "kysely";
import type { ReviewFlag } from "../../domain/call-review.js";
import type { CallCursor, CallQuery, CallSort, Facet } from "../../ports/store.js";
import type { SearchTerm, SearchText } from "../../records/search-words.js";
import type { DatabaseKind } from "./fixed-sql.js";
import { flagBits } from "./flag-bits.js";
import { wordPairs } from "./word-pairs.js";

export type Condition = RawBuilder<unknown>;

/** Characters of Twilio's SIDs. */
const WHOLE_SID = 34;

/** Calls without the value come last. The indexes are on these expressions. */
export const SORT_VALUES: Readonly<Record<CallSort, RawBuilder<number>>> = {
  started: sql<number>`s.started_ms`,
  duration: sql<number>`coalesce(s.duration_ms, -1)`,
  latency: sql<number>`coalesce(s.latency_ms, -1)`,
  cost: sql<number>`coalesce(s.cost_usd, -1)`,
  interruptions: sql<number>`s.interruptions`,
};

/** Conditions on the columns that `calls` has, too. */
export function commonConditions(query: CallQuery): Condition[] {
  return Object.values(commonByName(query)).filter((one) => one !== undefined);
}

/** Of ended calls, all but the text. */
export function endedConditions(query: CallQuery): Condition[] {
  return [
    ...commonConditions(query),
    ...Object.values(facetConditions(query)).filter((one) => one !== undefined),
    ...leastConditions(query),
  ];
}

/** Of ended calls, those that are no facets, without the text. */
export function plainConditions(query: CallQuery): Condition[] {
  const { caller, since, until } = commonByName(query);
  return [...[caller, since, until].filter((one) => one !== undefined), ...leastConditions(query)];
}

function leastConditions(query: CallQuery): Condition[] {
  return [
    atLeast(sql`s.latency_ms`, whole(query.minLatencyMs)),
    atLeast(sql`s.duration_ms`, whole(query.minDurationMs)),
    atLeast(sql`s.cost_usd`, query.minCostUsd),
    atLeast(sql`s.interruptions`, whole(query.minInterruptions)),
  ].filter((one) => one !== undefined);
}

function commonByName({ agent, outcome, caller, sinceMs, untilMs }: CallQuery) {
  return {
    agent: equal(sql`s.agent`, agent),
    outcome: equal(sql`s.outcome`, outcome),
    caller: equal(sql`s.caller`, caller),
    since: sinceMs === undefined ? undefined : sql`s.started_ms >= ${sinceMs}`,
    until: untilMs === undefined ? undefined : sql`s.started_ms < ${untilMs}`,
  } satisfies Partial<Record<string, Condition | undefined>>;
}

function facetConditions(query: CallQuery): Partial<Record<Facet, Condition | undefined>> {
  const { interrupted, toolFailed, flag, review, tag, rating } = query;
  return {
    end_reason: equal(sql`s.end_reason`, query.endReason),
    destination: equal(sql`s.destination`, query.destination),
    node: equal(sql`s.node`, query.node),
    interrupted: isPositive(sql`s.interruptions`, interrupted),
    tool_failed: isPositive(sql`s.failed_tools`, toolFailed),
    flag: flag === undefined ? undefined : flagCondition(sql`s.flags`, flag),
    review: review === undefined ? undefined : REVIEWED[review],
    rating: rating === undefined ? undefined : isIn(sql`call_reviews where rating = ${rating}`),
    tag: tag === undefined ? undefined : isIn(sql`call_tags where tag = ${tag}`),
  };
}

const DONE = sql`(select call_sid from call_reviews where done_ms is not null)`;
/** The calls that wait for a review, and those that had one. */
const REVIEWED = {
  open: sql`s.flags > 0 and s.call_sid not in ${DONE}`,
  done: sql`s.call_sid in ${DONE}`,
};

/** A rule found this. */
export function flagCondition(flags: RawBuilder<unknown>, flag: ReviewFlag): Condition {
  return sql`(${flags} & ${sql.lit(flagBits([flag]))}) > 0`;
}

export function equal(
  column: RawBuilder<unknown>,
  value: string | undefined,
): Condition | undefined {
  return value === undefined ? undefined : sql`${column} = ${value}`;
}

function isPositive(column: RawBuilder<unknown>, wanted: boolean | undefined) {
  if (wanted === undefined) return undefined;
  return wanted ? sql`${column} > 0` : sql`${column} = 0`;
}

function isIn(rows: RawBuilder<unknown>): Condition {
  return sql`s.call_sid in (select call_sid from ${rows})`;
}

function atLeast(column: RawBuilder<unknown>, least: number | undefined): Condition | undefined {
  return least === undefined ? undefined : sql`${column} >= ${least}`;
}

/** PostgreSQL refuses fractions for columns of integers. */
function whole(least: number | undefined): number | undefined {
  return least === undefined ? undefined : Math.ceil(least);
}

export function isAfter(sort: CallSort, { value, callSid }: CallCursor): Condition {
  const cursorValue = sort === "cost" ? value : Math.trunc(value);
  return sql`(${SORT_VALUES[sort]} < ${cursorValue}
    or (${SORT_VALUES[sort]} = ${cursorValue} and s.call_sid < ${callSid}))`;
}

/** The CallSid begins so. SQLite compares bytes; PostgreSQL compares as its locale says. */
function beginsWith(callSid: string, kind: DatabaseKind): Condition {
  if (callSid.length === WHOLE_SID) return sql`s.call_sid = ${callSid}`;
  if (kind === "postgres") return sql`substr(s.call_sid, 1, ${callSid.length}) = ${callSid}`;
  // "~" comes after all characters of a CallSid: a range is read from the index.
  return sql`(s.call_sid >= ${callSid} and s.call_sid < ${`${callSid}~`})`;
}

function orDigits(words: Condition, digits: string | null, kind: DatabaseKind): Condition {
  if (digits === null) return words;
  const part = `%${digits}%`;
  const numbers = sql`(s.from_number like ${part} or s.to_number like ${part})`;
  if (kind === "sqlite") return sql`(${numbers} or ${words})`;
  // Each part is read from an index of its own; together they would read the words of all calls.
  return sql`s.call_sid in (select s.call_sid from call_search as s where ${numbers}
    union select s.call_sid from call_search as s where ${words})`;
}

export function toWhere(conditions: readonly Condition[]): RawBuilder<unknown> {
  return conditions.length === 0 ? sql`` : sql`where ${sql.join(conditions, sql` and `)}`;
}

/** The calls that match every part of a text. */
export function textCondition(
  { terms, callSid, digits }: SearchText,
  kind: DatabaseKind,
  isFrequent = false,
): Condition {
  if (callSid !== null) return beginsWith(callSid, kind);
  if (terms.length === 0) return sql`1 = 0`;
  return orDigits(wordsCondition(terms, kind, isFrequent), digits, kind);
}

/**
 * @param isFrequent  many calls have the words: SQLite reads the index that the query needs anyway,
 *                    instead of looking up each of these calls.
 */
export function wordsCondition(
  terms: readonly SearchTerm[],
  kind: DatabaseKind,
  isFrequent = false,
): Condition {
  if (kind === "postgres") {
    const words = sql`to_tsquery('simple', ${terms.map(toTsquery).join(" & ")})`;
    const pairs = terms.flatMap(pairsOf);
    if (pairs.length === 0) return sql`s.words @@ ${words}`;
    return sql`s.words @@ (${words} && cast(${pairs.map((pair) => `'${pair}'`).join(" & ")} as tsquery))`;
  }
  const id = isFrequent ? sql`+s.id` : sql`s.id`;
  return sql`${id} in (${withWords(terms)})`;
}

/** SQLite: the ids of the calls with these words. */
export function withWords(terms: readonly SearchTerm[]): RawBuilder<unknown> {
  const match = terms.map(toFts5).join(" AND ");
  return sql`select rowid from call_words where call_words match ${match}`;
}

/** Words consist of letters and digits only, so nothing has to be escaped. */
function toFts5({ words, isPrefix }: SearchTerm): string {
  return `"${words.join(" ")}"${isPrefix ? "*" : ""}`;
}

/** The last word of a prefix may be another one in the call. */
function pairsOf({ words, isPrefix }: SearchTerm): readonly string[] {
  return wordPairs(isPrefix ? words.slice(0, -1) : words);
}

function toTsquery({ words, isPrefix }: SearchTerm): string {
  const last = words.length - 1;
  const parts = words.map((word, i) => `'${word}'${isPrefix && i === last ? ":*" : ""}`);
  return `(${parts.join(" <-> ")})`;
}
