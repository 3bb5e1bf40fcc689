import { type Kysely, type RawBuilder, type SqlBool, sql } from "kysely";
import type { CallCursor, CallQuery, CallSort, FoundCall } from "../../ports/store.js";
import { asksForEnded } from "../../records/search-match.js";
import { parseSearch, type SearchText } from "../../records/search-words.js";
import { toCallSid } from "./call-rows.js";
import type { DatabaseKind } from "./fixed-sql.js";
import type { Guard } from "./guard.js";
import {
  type Condition,
  commonConditions,
  endedConditions,
  isAfter,
  SORT_VALUES,
  textCondition,
  toWhere,
  wordsCondition,
} from "./search-conditions.js";
import type { Tables } from "./tables.js";

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
    const conditions = endedConditions(query);
    if (after !== null) conditions.push(isAfter(sort, after));
    const rows = await this.#guard("search_calls", async () =>
      query.text === undefined || query.text.trim() === ""
        ? await select(this.#db, { conditions, sort, limit }, this.#kind)
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
      for (const condition of commonConditions(query))
        select = select.where(sql<SqlBool>`${condition}`);
      if (query.state !== undefined) select = select.where("s.state", "=", query.state);
      if (after !== null) select = select.where(sql<SqlBool>`${isAfter("started", after)}`);
      return await select
        .orderBy("s.started_ms", "desc")
        .orderBy("s.call_sid", "desc")
        .limit(limit)
        .execute();
    });
    return rows.map(toFoundCall);
  }

  async #selectByText(selection: Selection, text: SearchText): Promise<readonly FoundRow[]> {
    const { terms, callSid, digits } = text;
    const isWords = callSid === null && digits === null && terms.length > 0;
    if (isWords && this.#kind === "postgres")
      return await this.#selectByWords(selection, wordsCondition(terms, this.#kind));
    return await select(this.#db, narrowed(selection, textCondition(text, this.#kind)), this.#kind);
  }

  /**
   * PostgreSQL does not know how long it takes to read the words of a call, and would read those of
   * all calls. So it looks through some calls in their order, which is enough for frequent words,
   * or when no other call meets the conditions; then it has to use the index of words.
   */
  async #selectByWords(
    selection: Selection,
    words: RawBuilder<unknown>,
  ): Promise<readonly FoundRow[]> {
    const { conditions, sort, limit } = selection;
    const { rows } = await sql<FoundRow & { readonly candidates: number }>`
      with looked as materialized (select * from call_search as s
        ${toWhere(conditions)} ${toOrder(sort, CALLS_TO_LOOK_THROUGH)})
      select s.call_sid, s.bytes, s.value, c.candidates
      from (select count(*) as candidates from looked) as c left join (
        select s.call_sid, s.bytes, ${SORT_VALUES[sort]} as value from looked as s
        where ${words} ${toOrder(sort, limit)}) as s on true
      order by s.value desc, s.call_sid desc`.execute(this.#db);
    const isAll = (rows[0]?.candidates ?? 0) < CALLS_TO_LOOK_THROUGH;
    const found = rows.filter(({ call_sid }) => call_sid !== null);
    if (isAll || found.length === limit) return found;
    return await this.#db.transaction().execute(async (tx) => {
      await sql`select set_config('enable_seqscan', 'off', true),
        set_config('enable_indexscan', 'off', true)`.execute(tx);
      return await select(tx, narrowed(selection, words), this.#kind);
    });
  }
}

async function select(
  db: Kysely<Tables>,
  { conditions, sort, limit }: Selection,
  kind: DatabaseKind,
): Promise<readonly FoundRow[]> {
  // In the order of its value, SQLite would look up each call that does not match, too.
  const isSorted = kind === "sqlite" && sort !== "started" && conditions.length > 0;
  const order = toOrder(sort, limit, isSorted ? sql`+` : sql``);
  const { rows } = await sql<FoundRow>`
    select s.call_sid, s.bytes, ${SORT_VALUES[sort]} as value
    from call_search as s ${toWhere(conditions)} ${order}`.execute(db);
  return rows;
}

function narrowed(selection: Selection, condition: RawBuilder<unknown>): Selection {
  return { ...selection, conditions: [...selection.conditions, condition] };
}

/** @param sign  "+": SQLite sorts what it has found, and uses no index for the order. */
function toOrder(sort: CallSort, limit: number, sign = sql``): RawBuilder<unknown> {
  return sql`order by ${sign}${SORT_VALUES[sort]} desc, s.call_sid desc limit ${limit}`;
}

function toFoundCall(row: FoundRow): FoundCall {
  const callSid = toCallSid(row);
  return { callSid, bytes: row.bytes, cursor: { value: row.value, callSid } };
}
