import { type Expression, type Kysely, type RawBuilder, type SqlBool, sql } from "kysely";
import type { CallCursor, CallQuery, CallSort, FoundCall } from "../../ports/store.js";
import { asksForEnded } from "../../records/search-match.js";
import { parseSearch, type SearchTerm, type SearchText } from "../../records/search-words.js";
import { toCallSid } from "./call-rows.js";
import type { DatabaseKind } from "./fixed-sql.js";
import type { Guard } from "./guard.js";
import type { Tables } from "./tables.js";

type Condition = Expression<SqlBool>;

interface FoundRow {
  readonly call_sid: string;
  readonly value: number;
  readonly bytes: number;
}

/** A part of `call_search as s`. */
interface Selection {
  readonly conditions: readonly Condition[];
  readonly sort: CallSort;
  readonly limit: number;
}

/** Calls without the value come last. The indexes are on these expressions. */
const SORT_VALUES: Readonly<Record<CallSort, RawBuilder<number>>> = {
  started: sql<number>`s.started_ms`,
  duration: sql<number>`coalesce(s.duration_ms, -1)`,
  latency: sql<number>`coalesce(s.latency_ms, -1)`,
  cost: sql<number>`coalesce(s.cost_usd, -1)`,
  interruptions: sql<number>`s.interruptions`,
};
/** PostgreSQL reads the words of so many calls in about 20 ms. */
const CALLS_TO_LOOK_THROUGH = 2_000;

/** Finds calls by what they were: all calls by their row, ended calls also by their search row. */
export class CallSearch {
  readonly #db: Kysely<Tables>;
  readonly #kind: DatabaseKind;
  readonly #guard: Guard;

  constructor(db: Kysely<Tables>, kind: DatabaseKind, guard: Guard) {
    this.#db = db;
    this.#kind = kind;
    this.#guard = guard;
  }

  async find(
    query: CallQuery,
    after: CallCursor | null,
    limit: number,
  ): Promise<readonly FoundCall[]> {
    if (!asksForEnded(query)) return await this.#findAny(query, after, limit);
    if (query.state === "live") return [];
    const sort = query.sort ?? "started";
    const conditions = [...commonConditions(query), ...endedConditions(query)];
    if (after !== null) conditions.push(isAfter(sort, after));
    const rows = await this.#guard("search_calls", async () =>
      query.text === undefined || query.text.trim() === ""
        ? await select(this.#db, { conditions, sort, limit })
        : await this.#selectByText({ conditions, sort, limit }, parseSearch(query.text)),
    );
    return rows.map(toFoundCall);
  }

  async #findAny(
    query: CallQuery,
    after: CallCursor | null,
    limit: number,
  ): Promise<readonly FoundCall[]> {
    const rows = await this.#guard("find_calls", async () => {
      let select = this.#db
        .selectFrom("calls as s")
        .select(["s.call_sid", "s.started_ms as value"])
        .select(sql<number>`octet_length(s.record)`.as("bytes"));
      for (const condition of commonConditions(query)) select = select.where(condition);
      if (query.state !== undefined) select = select.where("s.state", "=", query.state);
      if (after !== null) select = select.where(isAfter("started", after));
      return await select
        .orderBy("s.started_ms", "desc")
        .orderBy("s.call_sid", "desc")
        .limit(limit)
        .execute();
    });
    return rows.map(toFoundCall);
  }

  async #selectByText(
    selection: Selection,
    { terms, callSid, digits }: SearchText,
  ): Promise<readonly FoundRow[]> {
    if (callSid !== null)
      return await select(
        this.#db,
        narrowed(selection, sql`substr(s.call_sid, 1, ${callSid.length}) = ${callSid}`),
      );
    if (terms.length === 0) return [];
    if (this.#kind === "sqlite") {
      const match = terms.map(toFts5).join(" AND ");
      const words = sql`s.id in (select rowid from call_words where call_words match ${match})`;
      return await select(this.#db, narrowed(selection, orDigits(words, digits)));
    }
    const words = sql`words @@ to_tsquery('simple', ${terms.map(toTsquery).join(" & ")})`;
    if (digits === null) return await this.#selectByWords(selection, words);
    const sids = sql`s.call_sid in (select call_sid from call_search where ${words})`;
    return await select(this.#db, narrowed(selection, orDigits(sids, digits)));
  }

  /**
   * PostgreSQL does not know how long it takes to read the words of a call, and would read those of
   * all calls. So it looks through some calls in their order, which is enough for frequent words;
   * then it has to use the index of words.
   */
  async #selectByWords(
    selection: Selection,
    words: RawBuilder<unknown>,
  ): Promise<readonly FoundRow[]> {
    const some = sql`(select * from call_search as s
      ${toWhere(selection.conditions)} ${toOrder(selection.sort, CALLS_TO_LOOK_THROUGH)})`;
    const rows = await select(this.#db, narrowed({ ...selection, conditions: [] }, words), some);
    if (rows.length === selection.limit) return rows;
    return await this.#db.transaction().execute(async (tx) => {
      await sql`select set_config('enable_seqscan', 'off', true),
        set_config('enable_indexscan', 'off', true)`.execute(tx);
      return await select(tx, narrowed(selection, words));
    });
  }
}

async function select(
  db: Kysely<Tables>,
  { conditions, sort, limit }: Selection,
  from: RawBuilder<unknown> = sql`call_search`,
): Promise<readonly FoundRow[]> {
  const { rows } = await sql<FoundRow>`
    select s.call_sid, s.bytes, ${SORT_VALUES[sort]} as value
    from ${from} as s ${toWhere(conditions)} ${toOrder(sort, limit)}`.execute(db);
  return rows;
}

function narrowed(selection: Selection, condition: RawBuilder<unknown>): Selection {
  return { ...selection, conditions: [...selection.conditions, sql<SqlBool>`${condition}`] };
}

function toWhere(conditions: readonly Condition[]): RawBuilder<unknown> {
  return conditions.length === 0 ? sql`` : sql`where ${sql.join(conditions, sql` and `)}`;
}

function toOrder(sort: CallSort, limit: number): RawBuilder<unknown> {
  return sql`order by ${SORT_VALUES[sort]} desc, s.call_sid desc limit ${limit}`;
}

function commonConditions(query: CallQuery): Condition[] {
  const { agent, outcome, caller, sinceMs, untilMs } = query;
  const all: Condition[] = [];
  if (agent !== undefined) all.push(sql`s.agent = ${agent}`);
  if (outcome !== undefined) all.push(sql`s.outcome = ${outcome}`);
  if (caller !== undefined) all.push(sql`s.caller = ${caller}`);
  if (sinceMs !== undefined) all.push(sql`s.started_ms >= ${sinceMs}`);
  if (untilMs !== undefined) all.push(sql`s.started_ms < ${untilMs}`);
  return all;
}

function endedConditions(query: CallQuery): Condition[] {
  const { endReason, destination, interrupted, toolFailed } = query;
  const all: Condition[] = [];
  if (endReason !== undefined) all.push(sql`s.end_reason = ${endReason}`);
  if (destination !== undefined) all.push(sql`s.destination = ${destination}`);
  if (query.minLatencyMs !== undefined) all.push(isAtLeast("latency", query.minLatencyMs));
  if (query.minDurationMs !== undefined) all.push(isAtLeast("duration", query.minDurationMs));
  if (query.minCostUsd !== undefined) all.push(isAtLeast("cost", query.minCostUsd));
  if (interrupted !== undefined)
    all.push(interrupted ? sql`s.interruptions > 0` : sql`s.interruptions = 0`);
  if (toolFailed !== undefined)
    all.push(toolFailed ? sql`s.failed_tools > 0` : sql`s.failed_tools = 0`);
  return all;
}

function isAtLeast(sort: CallSort, least: number): Condition {
  return sql`${SORT_VALUES[sort]} >= ${sort === "cost" ? least : Math.ceil(least)}`;
}

function isAfter(sort: CallSort, { value, callSid }: CallCursor): Condition {
  // PostgreSQL refuses fractions for columns of integers.
  const cursorValue = sort === "cost" ? value : Math.trunc(value);
  return sql`(${SORT_VALUES[sort]} < ${cursorValue}
    or (${SORT_VALUES[sort]} = ${cursorValue} and s.call_sid < ${callSid}))`;
}

function orDigits(words: RawBuilder<unknown>, digits: string | null): RawBuilder<unknown> {
  if (digits === null) return words;
  const part = `%${digits}%`;
  return sql`(s.from_number like ${part} or s.to_number like ${part} or ${words})`;
}

/** Words consist of letters and digits only, so nothing has to be escaped. */
function toFts5({ words, isPrefix }: SearchTerm): string {
  return `"${words.join(" ")}"${isPrefix ? "*" : ""}`;
}

function toTsquery({ words, isPrefix }: SearchTerm): string {
  const last = words.length - 1;
  const parts = words.map((word, i) => `'${word}'${isPrefix && i === last ? ":*" : ""}`);
  return `(${parts.join(" <-> ")})`;
}

function toFoundCall(row: FoundRow): FoundCall {
  const callSid = toCallSid(row);
  return { callSid, bytes: row.bytes, cursor: { value: row.value, callSid } };
}
