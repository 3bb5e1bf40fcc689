import { type Kysely, type RawBuilder, sql } from "kysely";
import { REVIEW_FLAGS } from "../../domain/call-review.js";
import {
  type CallCounts,
  type CallQuery,
  FACETS,
  type Facet,
  type NodeSpan,
} from "../../ports/store.js";
import { parseSearch, type SearchText } from "../../records/search-words.js";
import { FACET_COLUMNS } from "./count-schema.js";
import type { DatabaseKind } from "./fixed-sql.js";
import { flagsOfBits } from "./flag-bits.js";
import type { Guard } from "./guard.js";
import {
  type Condition,
  equal,
  flagCondition,
  plainConditions,
  textCondition,
  toWhere,
  withWords,
} from "./search-conditions.js";
import type { Tables } from "./tables.js";

type Counts = readonly (readonly [value: string, calls: number])[];

/** From so many calls on, SQLite looks each up more slowly than it reads a whole index. */
const FREQUENT_CALLS = 5_000;

/** How many calls have a value of a facet. */
interface CountRow {
  readonly facet: Facet | "total";
  readonly value: string | null;
  readonly n: number;
}

/** Counts ended calls. */
export class CallCounter {
  readonly #db: Kysely<Tables>;
  readonly #kind: DatabaseKind;
  readonly #guard: Guard;

  constructor(db: Kysely<Tables>, kind: DatabaseKind, guard: Guard) {
    this.#db = db;
    this.#kind = kind;
    this.#guard = guard;
  }

  async count(query: CallQuery): Promise<CallCounts> {
    return await this.#guard("count_calls", async () => {
      return toCounts(await this.#rows(query));
    });
  }

  async sumByNode(sinceMs: number): Promise<readonly NodeSpan[]> {
    return await this.#guard("sum_calls", async () => {
      const { rows } = await sql<NodeSpan>`
        select s.node, count(*) as calls,
          sum(case when s.outcome in ('failed', 'rejected') then 1 else 0 end) as failed,
          coalesce(sum(s.cost_usd), 0) as "costUsd",
          cast(avg(s.latency_ms) as double precision) as "latencyMs"
        from call_search as s where s.started_ms >= ${sinceMs}
        group by s.node order by s.node`.execute(this.#db);
      return rows;
    });
  }

  async #rows(query: CallQuery): Promise<readonly CountRow[]> {
    const text =
      query.text === undefined || query.text.trim() === "" ? null : parseSearch(query.text);
    const conditions = plainConditions(query);
    if (text !== null)
      conditions.push(textCondition(text, this.#kind, await this.#hasFrequentWords(text)));
    const counting = countingQuery(query, conditions, this.#kind);
    if (text === null || this.#kind === "sqlite") return (await counting.execute(this.#db)).rows;
    return await this.#db.transaction().execute(async (tx) => {
      // PostgreSQL does not know how long it takes to read the words of a call.
      await sql`select set_config('enable_seqscan', 'off', true)`.execute(tx);
      return (await counting.execute(tx)).rows;
    });
  }

  async #hasFrequentWords({ terms }: SearchText): Promise<boolean> {
    if (this.#kind !== "sqlite" || terms.length === 0) return false;
    const { rows } = await sql<{ n: number }>`select count(*) as n from (
      ${withWords(terms)} limit ${FREQUENT_CALLS})`.execute(this.#db);
    return (rows[0]?.n ?? 0) >= FREQUENT_CALLS;
  }
}

/**
 * One pass over the calls and one over those that people have looked at, which are few: both give
 * groups of calls that are alike in every facet, from which all counts are made.
 *
 * @param conditions  on `call_search as s`: all that are no facets.
 */
function countingQuery(query: CallQuery, conditions: readonly Condition[], kind: DatabaseKind) {
  const { tag } = query;
  const hasTag =
    tag === undefined
      ? sql`true`
      : sql`exists (select 1 from call_tags as t where t.call_sid = s.call_sid and t.tag = ${tag})`;
  const reviewed = sql`select s.call_sid, s.facets, r.rating, r.done_ms, ${hasTag} as has_tag
    from call_reviews as r join call_search as s on s.call_sid = r.call_sid
    ${toWhere(conditions)}`;
  return sql<CountRow>`
    with reviewed as materialized (${withColumns(reviewed, kind)}),
    grouped as materialized (${withColumns(groupsOf(query, conditions), kind)})
    ${sql.join(partsOf(query), sql` union all `)}`;
}

/** `facets`, how many calls have them, and how many of these are done. */
function groupsOf(query: CallQuery, conditions: readonly Condition[]): RawBuilder<unknown> {
  const done = sql`count(done_ms) as done`;
  const seen = seenConditions(query);
  // A call with a rating or a tag is among those that were looked at.
  if (seen.length > 0)
    return sql`select facets, count(*) as n, ${done} from reviewed ${toWhere(seen)} group by facets`;
  return sql`select a.facets, a.n, coalesce(d.done, 0) as done
    from (select s.facets, count(*) as n from call_search as s
      ${toWhere(conditions)} group by s.facets) as a
    left join (select facets, ${done} from reviewed group by facets) as d on d.facets = a.facets`;
}

/** The rows with a column for each facet of the list `facets`. */
function withColumns(rows: RawBuilder<unknown>, kind: DatabaseKind): RawBuilder<unknown> {
  const names = FACET_COLUMNS.map((name, i) => sql`x.list ->> ${sql.lit(i)} as ${sql.ref(name)}`);
  const numbers = ["interrupted", "tool_failed", "flags"].map(
    (name, i) =>
      sql`cast(x.list ->> ${sql.lit(FACET_COLUMNS.length + i)} as integer) as ${sql.ref(name)}`,
  );
  // PostgreSQL would read the list anew for each column.
  const list = kind === "sqlite" ? sql`y.facets` : sql`cast(y.facets as jsonb)`;
  const apart = kind === "sqlite" ? sql`` : sql`offset 0`;
  return sql`select x.*, ${sql.join([...names, ...numbers])}
    from (select y.*, ${list} as list from (${rows}) as y ${apart}) as x`;
}

function partsOf(query: CallQuery): readonly RawBuilder<CountRow>[] {
  const { review } = query;
  const calls = sumOf(
    review === undefined ? sql`n` : review === "done" ? sql`done` : sql`(${OPEN_OF_GROUP})`,
  );
  const chosen = chosenConditions(query);
  const all = toWhere(Object.values(chosen));
  const without = (facet: Facet): RawBuilder<unknown> =>
    toWhere(Object.entries(chosen).flatMap(([name, one]) => (name === facet ? [] : [one])));
  const isSeen = [...Object.values(chosen), ...(review === undefined ? [] : [REVIEWED[review]])];
  const { rating, tag } = query;
  const rated = [...isSeen, sql`rating is not null`, ...(tag === undefined ? [] : [sql`has_tag`])];
  const tagged = [...isSeen, ...(rating === undefined ? [] : [sql`rating = ${rating}`])];
  return [
    sql`select 'total' as facet, cast(null as text) as value, ${calls} as n from grouped ${all}`,
    ...[...FACET_COLUMNS, "interrupted" as const, "tool_failed" as const].map(
      (facet) => sql<CountRow>`select ${sql.lit(facet)}, cast(${sql.ref(facet)} as text), ${calls}
        from grouped ${without(facet)} group by ${sql.ref(facet)}`,
    ),
    sql`select 'flag', cast(flags as text), ${calls} from grouped ${without("flag")} group by flags`,
    sql`select 'review', 'open', ${sumOf(sql`(${OPEN_OF_GROUP})`)} from grouped ${all}`,
    sql`select 'review', 'done', ${sumOf(sql`done`)} from grouped ${all}`,
    sql`select 'rating', cast(rating as text), count(*) from reviewed
      ${toWhere(rated)} group by rating`,
    sql`select 'tag', t.tag, count(*) from reviewed join call_tags as t
      on t.call_sid = reviewed.call_sid ${toWhere(tagged)} group by t.tag`,
  ];
}

/** Of a group: the calls that wait for a review. */
const OPEN_OF_GROUP = sql`case when flags > 0 then n - done else 0 end`;
/** Of a call. */
const REVIEWED = {
  open: sql`(flags > 0 and done_ms is null)`,
  done: sql`done_ms is not null`,
};

function sumOf(amount: RawBuilder<unknown>): RawBuilder<number> {
  return sql`cast(coalesce(sum(${amount}), 0) as bigint)`;
}

/** What the query wants of the facets that every call has. */
function chosenConditions(query: CallQuery): Partial<Record<Facet, Condition>> {
  const { interrupted, toolFailed, flag } = query;
  const wanted: Partial<Record<Facet, Condition | undefined>> = {
    agent: equal(sql`agent`, query.agent),
    outcome: equal(sql`outcome`, query.outcome),
    end_reason: equal(sql`end_reason`, query.endReason),
    destination: equal(sql`destination`, query.destination),
    node: equal(sql`node`, query.node),
    interrupted: interrupted === undefined ? undefined : sql`interrupted = ${Number(interrupted)}`,
    tool_failed: toolFailed === undefined ? undefined : sql`tool_failed = ${Number(toolFailed)}`,
    flag: flag === undefined ? undefined : flagCondition(sql`flags`, flag),
  };
  return Object.fromEntries(
    Object.entries(wanted).filter(([, condition]) => condition !== undefined),
  );
}

/** What the query wants of a row of `reviewed`, beside the facets that every call has. */
function seenConditions({ rating, tag }: CallQuery): Condition[] {
  return [
    ...(rating === undefined ? [] : [sql`rating = ${rating}`]),
    ...(tag === undefined ? [] : [sql`has_tag`]),
  ];
}

function toCounts(rows: readonly CountRow[]): CallCounts {
  const of = (facet: CountRow["facet"]) => rows.filter((row) => row.facet === facet);
  const countsOf = (facet: Facet): Counts => {
    switch (facet) {
      case "interrupted":
      case "tool_failed":
        return withCalls(of(facet).map(({ value, n }) => [String(value === "1"), n]));
      case "flag":
        return flagCounts(of(facet));
      default:
        // Calls without a value are not counted.
        return withCalls(of(facet).flatMap(({ value, n }) => (value === null ? [] : [[value, n]])));
    }
  };
  const counts = Object.fromEntries(FACETS.map((facet) => [facet, countsOf(facet)]));
  return { total: of("total")[0]?.n ?? 0, counts: counts as CallCounts["counts"] };
}

/** Each row counts the calls with the same flags, as bits. */
function flagCounts(rows: readonly CountRow[]): Counts {
  return withCalls(
    REVIEW_FLAGS.map((flag) => {
      const having = rows.filter(({ value }) => flagsOfBits(Number(value)).includes(flag));
      return [flag, having.reduce((sum, { n }) => sum + n, 0)];
    }),
  );
}

/** The most frequent first, without values that no call has. */
function withCalls(counts: Counts): Counts {
  return counts
    .filter(([, calls]) => calls > 0)
    .toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
}
