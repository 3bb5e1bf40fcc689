import { type Kysely, type RawBuilder, sql, type Transaction } from "kysely";
import type { CallSid } from "../../domain/ids.js";
import type { IndexedCalls } from "../../ports/store.js";
import { RULES_VERSION } from "../../records/review-rules.js";
import { type SearchDocument, searchDocument } from "../../records/search-document.js";
import { parseRecord, toCallSid } from "./call-rows.js";
import type { DatabaseKind } from "./fixed-sql.js";
import { flagBits } from "./flag-bits.js";
import { type Guard, isStatementFault } from "./guard.js";
import type { Tables } from "./tables.js";
import { wordPairs } from "./word-pairs.js";

/** Keeps the search tables up to date with the ended calls. */
export class SearchIndex {
  readonly #db: Kysely<Tables>;
  readonly #kind: DatabaseKind;
  readonly #guard: Guard;

  constructor(db: Kysely<Tables>, kind: DatabaseKind, guard: Guard) {
    this.#db = db;
    this.#kind = kind;
    this.#guard = guard;
  }

  async indexCalls(limit: number): Promise<IndexedCalls> {
    return await this.#guard("index_calls", async () => {
      // A transaction would keep other processes from writing to an SQLite file.
      const any = await this.#db.selectFrom("search_pending").select("call_sid").limit(1).execute();
      if (any.length === 0 && !(await this.#findOutdated(limit)))
        return { count: 0, unreadable: [] };
      return await this.#db.transaction().execute(async (tx) => await this.#index(tx, limit));
    });
  }

  /** Calls that were judged by earlier rules are indexed anew. @returns whether there are any. */
  async #findOutdated(limit: number): Promise<boolean> {
    const outdated = await this.#db
      .selectFrom("call_search")
      .select("call_sid")
      .where("rules", "<", RULES_VERSION)
      .limit(limit)
      .execute();
    if (outdated.length === 0) return false;
    await this.#db
      .insertInto("search_pending")
      .values(outdated)
      .onConflict((conflict) => conflict.column("call_sid").doNothing())
      .execute();
    return true;
  }

  async #index(tx: Transaction<Tables>, limit: number): Promise<IndexedCalls> {
    // First, so that a change from now on is pending again, and no other process does the same.
    const taken = await tx
      .deleteFrom("search_pending")
      .where("call_sid", "in", (some) => {
        const first = some.selectFrom("search_pending").select("call_sid").limit(limit);
        return this.#kind === "postgres" ? first.forUpdate().skipLocked() : first;
      })
      .returning("call_sid")
      .execute();
    // Another process was faster.
    if (taken.length === 0) return { count: 0, unreadable: [] };
    const callSids = taken.map(toCallSid);
    const unreadable: CallSid[] = [];
    const read = await this.#records(tx, callSids);
    for (const row of read) {
      if (!(await this.#indexed(tx, row.record))) unreadable.push(toCallSid(row));
    }
    const known = new Set(read.map(toCallSid));
    const missing = callSids.filter((callSid) => !known.has(callSid));
    if (missing.length > 0) await this.#leaveOut(tx, missing);
    if (unreadable.length > 0)
      // They are as they were: judging them again would not change that.
      await tx
        .updateTable("call_search")
        .set({ rules: RULES_VERSION })
        .where("call_sid", "in", unreadable)
        .execute();
    return { count: taken.length, unreadable };
  }

  /** PostgreSQL: a call that is being removed is skipped; waiting for it would be a deadlock. */
  async #records(tx: Transaction<Tables>, callSids: readonly CallSid[]) {
    const ended = tx
      .selectFrom("calls")
      .select(["call_sid", "record"])
      .where("call_sid", "in", callSids)
      .where("state", "=", "ended");
    const held = this.#kind === "postgres" ? ended.forKeyShare().skipLocked() : ended;
    return await held.execute();
  }

  /** Calls that are no ended calls any more, or are being removed, which may be taken back. */
  async #leaveOut(tx: Transaction<Tables>, callSids: readonly CallSid[]): Promise<void> {
    const some = ["call_sid", "in", callSids] as const;
    const ended = await tx
      .selectFrom("calls")
      .select("call_sid")
      .where(...some)
      .where("state", "=", "ended")
      .execute();
    if (ended.length > 0)
      await tx
        .insertInto("search_pending")
        .values(ended)
        .onConflict((conflict) => conflict.column("call_sid").doNothing())
        .execute();
    const pending = new Set(ended.map(toCallSid));
    const gone = callSids.filter((callSid) => !pending.has(callSid));
    if (gone.length === 0) return;
    const rows = tx.selectFrom("call_search").where("call_sid", "in", gone);
    if (this.#kind === "sqlite")
      await tx.deleteFrom("call_words").where("rowid", "in", rows.select("id")).execute();
    await tx.deleteFrom("call_search").where("call_sid", "in", gone).execute();
  }

  /** False: the record is damaged. Without it the other calls are indexed. */
  async #indexed(tx: Transaction<Tables>, record: string): Promise<boolean> {
    const document = readDocument(record);
    if (document === null) return false;
    await sql`savepoint one_call`.execute(tx);
    try {
      await this.#write(tx, document, Buffer.byteLength(record));
    } catch (error) {
      if (!isStatementFault(error)) throw error;
      await sql`rollback to savepoint one_call`.execute(tx);
      return false;
    }
    await sql`release savepoint one_call`.execute(tx);
    return true;
  }

  async #write(tx: Transaction<Tables>, document: SearchDocument, bytes: number): Promise<void> {
    const { callSid, words } = document;
    const row = {
      started_ms: document.startedMs,
      duration_ms: document.durationMs,
      agent: document.agent,
      outcome: document.outcome,
      end_reason: document.endReason,
      caller: document.caller,
      from_number: document.from,
      to_number: document.to,
      destination: document.destination,
      latency_ms: document.latencyMs === null ? null : Math.round(document.latencyMs),
      interruptions: document.interruptions,
      failed_tools: document.failedTools,
      cost_usd: document.costUsd,
      node: document.node,
      flags: flagBits(document.flags),
      facets: facetsOf(document),
      rules: RULES_VERSION,
      bytes,
      ...(this.#kind === "postgres" ? { words: tsvectorOf(words) } : {}),
    };
    const { id } = await tx
      .insertInto("call_search")
      .values({ call_sid: callSid, ...row })
      .onConflict((conflict) => conflict.column("call_sid").doUpdateSet(row))
      .returning(this.#kind === "postgres" ? sql<number>`0`.as("id") : "id")
      .executeTakeFirstOrThrow();
    if (this.#kind === "postgres") return;
    await tx.deleteFrom("call_words").where("rowid", "=", id).execute();
    // With "returning" the statement runs on libsql's thread: splitting the words takes a while.
    await tx.insertInto("call_words").values({ rowid: id, words }).returning("rowid").execute();
  }
}

function tsvectorOf(words: string): RawBuilder<string> {
  // Two spaces are left where a text has no words.
  const pairs = wordPairs(words.split(" ").filter((word) => word !== ""));
  return sql`to_tsvector('simple', ${words}) || array_to_tsvector(cast(${pairs} as text[]))`;
}

/** The values in the order of `FACET_COLUMNS`, and what else calls are counted by. */
function facetsOf(document: SearchDocument): string {
  const { agent, outcome, endReason, destination, node, flags } = document;
  const isInterrupted = document.interruptions > 0 ? 1 : 0;
  const hasFailedTool = document.failedTools > 0 ? 1 : 0;
  return JSON.stringify([
    ...[agent, outcome, endReason, destination, node],
    ...[isInterrupted, hasFailedTool, flagBits(flags)],
  ]);
}

function readDocument(json: string): SearchDocument | null {
  try {
    return searchDocument(parseRecord(json));
  } catch {
    return null;
  }
}
