import { type Kysely, type RawBuilder, sql } from "kysely";
import { REVIEW_FLAGS } from "../../domain/call-review.js";
import type { CallCounts, CallQuery, Facet, NodeSpan } from "../../ports/store.js";
import { parseSearch, type SearchText } from "../../records/search-words.js";
import type { DatabaseKind } from "./fixed-sql.js";
import type { Guard } from "./guard.js";
import {
  type Condition,
  endedConditions,
  flagCondition,
  textCondition,
  toWhere,
  withWords,
} from "./search-conditions.js";
import type { Tables } from "./tables.js";

type Counts = readonly (readonly [value: string, calls: number])[];

/** Columns in the order of the index for counting. */
const COLUMNS = ["agent", "outcome", "end_reason", "destination", "node"] as const;
type Column = (typeof COLUMNS)[number];

const SUMS = ["interrupted", "tool_failed", "flagged", ...REVIEW_FLAGS] as const;
type Sum = (typeof SUMS)[number];
const SUMMED: Readonly<Record<Sum, Condition>> = {
  interrupted: sql`s.interruptions > 0`,
  tool_failed: sql`s.failed_tools > 0`,
  flagged: sql`s.flags > 0`,
  long_silence: flagCondition("long_silence"),
  transfer_failed: flagCondition("transfer_failed"),
  repeated: flagCondition("repeated"),
  sampled: flagCondition("sampled"),
};

/** From so many calls on, SQLite looks each up more slowly than it reads a whole index. */
const FREQUENT_CALLS = 5_000;

type Group = Readonly<Record<Column, string | null>> &
  Readonly<Partial<Record<Sum, number>>> & { readonly n: number };

interface ValueRow {
  readonly value: string | number | null;
  readonly n: number;
}

interface ReviewedRow extends ValueRow {
  readonly facet: string;
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
      const counting = new Counting(this.#db, this.#kind, query);
      return await counting.run();
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
}

/** One query that is counted. */
class Counting {
  readonly #db: Kysely<Tables>;
  readonly #kind: DatabaseKind;
  readonly #query: CallQuery;
  readonly #text: SearchText | null;
  #isFrequent = false;

  constructor(db: Kysely<Tables>, kind: DatabaseKind, query: CallQuery) {
    this.#db = db;
    this.#kind = kind;
    this.#query = query;
    const { text } = query;
    this.#text = text === undefined || text.trim() === "" ? null : parseSearch(text);
  }

  async run(): Promise<CallCounts> {
    const { interrupted, toolFailed, flag } = this.#query;
    this.#isFrequent = await this.#hasFrequentWords();
    const groups = await this.#groups(null, SUMS);
    const yesNo = async (sum: "interrupted" | "tool_failed", isChosen: boolean) => {
      const all = isChosen ? await this.#groups(sum, [sum]) : groups;
      const yes = sumOf(all, sum);
      return withCalls([
        ["true", yes],
        ["false", sumOf(all, "n") - yes],
      ]);
    };
    const flagged = flag === undefined ? groups : await this.#groups("flag", REVIEW_FLAGS);
    const counts: Record<Facet, Counts> = {
      ...(await this.#columnCounts(groups)),
      interrupted: await yesNo("interrupted", interrupted !== undefined),
      tool_failed: await yesNo("tool_failed", toolFailed !== undefined),
      flag: withCalls(REVIEW_FLAGS.map((name) => [name, sumOf(flagged, name)])),
      ...(await this.#reviewCounts(groups)),
    };
    return { total: sumOf(groups, "n"), counts };
  }

  async #hasFrequentWords(): Promise<boolean> {
    if (this.#kind !== "sqlite" || this.#text === null || this.#text.terms.length === 0)
      return false;
    const { rows } = await sql<{ n: number }>`select count(*) as n from (
      ${withWords(this.#text.terms)} limit ${FREQUENT_CALLS})`.execute(this.#db);
    return (rows[0]?.n ?? 0) >= FREQUENT_CALLS;
  }

  #where(without: Facet | null): readonly Condition[] {
    const conditions = endedConditions(this.#query, without);
    if (this.#text === null) return conditions;
    return [...conditions, textCondition(this.#text, this.#kind, this.#isFrequent)];
  }

  /** One pass over the calls: few rows, from which every sum is made. */
  async #groups(without: Facet | null, sums: readonly Sum[]): Promise<readonly Group[]> {
    const columns = sql.join(COLUMNS.map((name) => sql.ref(`s.${name}`)));
    const parts = sums.map((name) => sql`, ${countOf(SUMMED[name])} as ${sql.ref(name)}`);
    const { rows } = await sql<Group>`
      select ${columns}, count(*) as n ${sql.join(parts, sql` `)}
      from call_search as s ${toWhere(this.#where(without))} group by ${columns}`.execute(this.#db);
    return rows;
  }

  async #columnCounts(groups: readonly Group[]): Promise<Readonly<Record<Column, Counts>>> {
    const { agent, outcome, endReason, destination, node } = this.#query;
    const chosen = { agent, outcome, end_reason: endReason, destination, node };
    const counts: Partial<Record<Column, Counts>> = {};
    for (const column of COLUMNS) {
      const all = chosen[column] === undefined ? groups : await this.#groups(column, []);
      counts[column] = byValue(all.map((group) => ({ value: group[column], n: group.n })));
    }
    return counts as Record<Column, Counts>;
  }

  async #reviewCounts(groups: readonly Group[]) {
    const query = this.#query;
    const all = await this.#reviewed(null);
    const without = async (facet: "rating" | "tag" | "review") =>
      query[facet] === undefined ? all : await this.#reviewed(facet);
    const valuesOf = (rows: readonly ReviewedRow[], facet: string) =>
      byValue(rows.filter((row) => row.facet === facet));
    const states = await without("review");
    const flagged = query.review === undefined ? groups : await this.#groups("review", ["flagged"]);
    const countedAs = (facet: string) => states.find((row) => row.facet === facet)?.n ?? 0;
    return {
      review: withCalls([
        ["open", sumOf(flagged, "flagged") - countedAs("done_flagged")],
        ["done", countedAs("done")],
      ]),
      rating: valuesOf(await without("rating"), "rating"),
      tag: valuesOf(await without("tag"), "tag"),
    };
  }

  /** Calls that people have looked at are few: they are read once, and counted in three ways. */
  async #reviewed(without: Facet | null): Promise<readonly ReviewedRow[]> {
    const { rows } = await sql<ReviewedRow>`
      with found as ${this.#kind === "sqlite" ? sql`materialized` : sql``} (
        select s.call_sid, s.flags, r.rating, r.done_ms
        from call_reviews as r join call_search as s on s.call_sid = r.call_sid
        ${toWhere(this.#where(without))})
      select 'rating' as facet, cast(rating as text) as value, count(*) as n from found
        where rating is not null group by rating
      union all select 'tag', t.tag, count(*)
        from found join call_tags as t on t.call_sid = found.call_sid group by t.tag
      union all select 'done', null, count(*) from found where done_ms is not null
      union all select 'done_flagged', null, count(*) from found
        where done_ms is not null and flags > 0`.execute(this.#db);
    return rows;
  }
}

function countOf(condition: Condition): RawBuilder<number> {
  return sql`sum(case when ${condition} then 1 else 0 end)`;
}

function sumOf(groups: readonly Group[], column: Sum | "n"): number {
  return groups.reduce((sum, group) => sum + (group[column] ?? 0), 0);
}

/** Calls without the value are not counted. */
function byValue(rows: readonly ValueRow[]): Counts {
  const sums = new Map<string, number>();
  for (const { value, n } of rows)
    if (value !== null) sums.set(String(value), (sums.get(String(value)) ?? 0) + n);
  return withCalls([...sums]);
}

/** The most frequent first, without values that no call has. */
function withCalls(counts: Counts): Counts {
  return counts
    .filter(([, calls]) => calls > 0)
    .toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
}
