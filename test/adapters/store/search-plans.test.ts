/** The plans of searches: a record is large, so no search may look at every one of them. */
import { Kysely, type LogEvent, PostgresDialect, sql } from "kysely";
import { afterAll, describe, expect, it } from "vitest";
import { CallCounter } from "../../../src/adapters/store/call-counts.js";
import { CallSearch } from "../../../src/adapters/store/call-search.js";
import type { Guard } from "../../../src/adapters/store/guard.js";
import { openStore } from "../../../src/adapters/store/open-store.js";
import { postgresPool } from "../../../src/adapters/store/postgres-pool.js";
import {
  commonConditions,
  endedConditions,
  flagCondition,
  plainConditions,
  textCondition,
} from "../../../src/adapters/store/search-conditions.js";
import { SqliteReader } from "../../../src/adapters/store/sqlite-reader.js";
import type { Tables } from "../../../src/adapters/store/tables.js";
import type { CallQuery } from "../../../src/ports/store.js";
import { indexAll, SEARCHED_CALLS, save } from "../../fakes/searched-calls.js";
import { storeKinds } from "../../fakes/stores.js";

const guard: Guard = async (_, work) => await work();

/** Of every call, with its record. */
const LISTS: readonly CallQuery[] = [
  {},
  { state: "ended" },
  { state: "live" },
  { agent: "support", state: "ended" },
  { outcome: "failed" },
  { outcome: "failed", agent: "support", state: "ended" },
  { caller: "+15550001001" },
  { sinceMs: 1, untilMs: 2, state: "ended" },
];

/** Of ended calls, by what the search keeps of them. */
const SEARCHES: readonly CallQuery[] = [
  { endReason: "lost_stream" },
  { destination: "billing", outcome: "failed" },
  { node: "n1" },
  { minLatencyMs: 900 },
  { minDurationMs: 9, minCostUsd: 0.1, minInterruptions: 2 },
  { interrupted: true, toolFailed: false },
  { flag: "sampled" },
  { review: "open" },
  { review: "done", sinceMs: 1 },
  { rating: 1 },
  { tag: "vip", agent: "support" },
  { sort: "latency" },
  { sort: "cost", agent: "support", outcome: "failed" },
  { text: "order" },
  { text: '"monkey business"', sort: "duration" },
  { text: "5551001" },
  { text: "CA00" },
];

describe.each(storeKinds())("the plans of searches on $name", (kind) => {
  if (kind.skipped !== null) {
    it.skip(`is not tested: ${kind.skipped}`, () => {});
    return;
  }
  afterAll(async () => await kind.dispose());

  async function planned(work: (db: Kysely<Tables>) => Promise<unknown>): Promise<string[]> {
    const url = await kind.newDatabase();
    const store = await openStore(url, () => {});
    await store.save(SEARCHED_CALLS.map((record) => save(record)));
    await indexAll(store);
    const asked: LogEvent["query"][] = [];
    const pool = kind.name === "postgres" ? postgresPool(url, 1, () => {}) : null;
    const dialect =
      pool === null ? new SqliteReader(url.replace("sqlite:", "")) : new PostgresDialect({ pool });
    const db = new Kysely<Tables>({ dialect, log: ({ query }) => void asked.push(query) });
    // With few rows PostgreSQL reads them all; without that it says what it could do instead.
    if (pool !== null) await pool.query("set enable_seqscan = off");
    await work(db);
    const plans: string[] = [];
    for (const { sql, parameters } of [...asked]) {
      if (!/^\s*(select|with)\b/i.test(sql) || sql.includes("set_config")) continue;
      plans.push(`${sql.replace(/\s+/g, " ")}\n${await explained(sql, parameters)}`);
    }
    await db.destroy();
    await store.close();
    return plans;

    async function explained(sql: string, parameters: readonly unknown[]): Promise<string> {
      if (pool !== null) {
        const { rows } = await pool.query(`explain ${sql}`, [...parameters]);
        return rows.map((row: Record<string, string>) => row["QUERY PLAN"]).join("\n");
      }
      const { rows } = await db.executeQuery<{ detail: string }>({
        sql: `explain query plan ${sql}`,
        parameters,
        query: { kind: "RawNode", sqlFragments: [], parameters: [] },
        queryId: { queryId: "plan" },
      });
      return rows.map(({ detail }) => detail).join("\n");
    }
  }

  const readsAllRecords = kind.name === "sqlite" ? /\bSCAN (s|calls)$/m : /Seq Scan on calls\b/;
  /** Of the compact rows of ended calls, SQLite reads the index that holds all that is compared. */
  const readsAllRows = kind.name === "sqlite" ? /\bSCAN s$/m : /^$/;

  it("lists calls by an index, without sorting them", async () => {
    const plans = await planned(async (db) => {
      const search = new CallSearch(db, kind.name, guard);
      for (const query of LISTS) await search.find(query, null, 50);
    });
    expect(plans).toHaveLength(LISTS.length);
    for (const plan of plans) expect(plan).not.toMatch(readsAllRecords);
    if (kind.name === "sqlite") for (const plan of plans) expect(plan).not.toMatch(/TEMP B-TREE/);
  });

  it("searches ended calls in their own rows, by indexes", async () => {
    const plans = await planned(async (db) => {
      const search = new CallSearch(db, kind.name, guard);
      for (const query of SEARCHES) await search.find(query, null, 50);
    });
    expect(plans.length).toBeGreaterThanOrEqual(SEARCHES.length);
    for (const plan of plans) {
      expect(plan).not.toMatch(readsAllRecords);
      expect(plan).not.toMatch(readsAllRows);
      expect(plan).not.toMatch(/from calls\b/);
    }
  });

  it("counts ended calls in one pass over an index", async () => {
    const plans = await planned(async (db) => {
      const counter = new CallCounter(db, kind.name, guard);
      await counter.count({});
      await counter.sumByNode(1);
    });
    // All counts, the nodes.
    expect(plans).toHaveLength(2);
    if (kind.name === "sqlite")
      expect(plans[0]).toMatch(/SCAN s USING COVERING INDEX call_search_by_facets/);
    for (const plan of plans) expect(plan).not.toMatch(readsAllRecords);
  });
});

describe("conditions of a search", () => {
  it("are as many as the query has properties, without those that are counted", () => {
    const query: CallQuery = { agent: "a", outcome: "failed", tag: "vip", minLatencyMs: 0.5 };
    expect(endedConditions(query)).toHaveLength(4);
    expect(plainConditions(query)).toHaveLength(1);
    expect(commonConditions(query)).toHaveLength(2);
    expect(flagCondition(sql`s.flags`, "sampled")).toBeDefined();
    expect(textCondition({ terms: [], callSid: "CA1", digits: null }, "sqlite")).toBeDefined();
  });
});
