import { type Kysely, sql } from "kysely";
import type { CallSid } from "../../domain/ids.js";
import { databaseNowMs } from "../store/database-clock.js";
import type { Tables } from "../store/tables.js";
import type { NodeLoad, NodeStatus } from "./node-bus.js";

export type OwnershipChange = "hold" | "let_go";

/** A call that is over still gets callbacks. */
const REMEMBER_MS = 10 * 60_000;
/** Rows of processes that died without a goodbye are kept for people to look at. */
const KEEP_MS = 3_600_000;
const SWEEP_EVERY = 20;

/** Which process answers for which call, and which processes live. PostgreSQL only; all times by its clock. */
export class OwnerTable {
  readonly #db: Kysely<Tables>;
  readonly #process: string;
  readonly #now = databaseNowMs("postgres");
  #beats = 0;

  constructor(db: Kysely<Tables>, process: string) {
    this.#db = db;
    this.#process = process;
  }

  /** Returns who answered for the calls before, where there was somebody. */
  async write(
    changes: ReadonlyMap<CallSid, OwnershipChange>,
  ): Promise<readonly { readonly callSid: CallSid; readonly former: string }[]> {
    const of = (wanted: OwnershipChange): CallSid[] =>
      [...changes].flatMap(([callSid, change]) => (change === wanted ? [callSid] : []));
    const over = of("let_go");
    if (over.length > 0) {
      await sql`update call_holders set until_ms = ${this.#now} + ${REMEMBER_MS}
        where call_sid = any(${over}) and process = ${this.#process}`.execute(this.#db);
    }
    const held = of("hold");
    if (held.length === 0) return [];
    // The part before `insert` sees the table as it was.
    const { rows } = await sql<{ call_sid: CallSid; former: string | null }>`
      with old as (select call_sid, process from call_holders where call_sid = any(${held}))
      insert into call_holders (call_sid, process, until_ms)
        select call_sid, ${this.#process}, null from unnest(cast(${held} as text[])) as wanted (call_sid)
      on conflict (call_sid) do update set process = excluded.process, until_ms = null
      returning call_sid, (select old.process from old where old.call_sid = call_holders.call_sid) as former`.execute(
      this.#db,
    );
    return rows.flatMap(({ call_sid, former }) =>
      former === null ? [] : [{ callSid: call_sid, former }],
    );
  }

  /** Null: nobody, or a process that has shown no life for `silentMs`. */
  async ownerOf(callSid: CallSid, silentMs: number): Promise<string | null> {
    const row = await this.#db
      .selectFrom("call_holders")
      .innerJoin("nodes", "nodes.process", "call_holders.process")
      .select("call_holders.process")
      .where("call_sid", "=", callSid)
      .where("seen_ms", ">", sql<number>`${this.#now} - ${silentMs}`)
      .executeTakeFirst();
    return row?.process ?? null;
  }

  async beat(status: Omit<NodeStatus, "silentMs">): Promise<void> {
    const { node, worker, calls, maxCalls, draining } = status;
    const values = { node, worker, calls, max_calls: maxCalls, draining: draining ? 1 : 0 };
    await this.#db
      .insertInto("nodes")
      .values({ process: this.#process, ...values, seen_ms: this.#now })
      .onConflict((conflict) =>
        conflict.column("process").doUpdateSet({ ...values, seen_ms: this.#now }),
      )
      .execute();
    if (this.#beats++ % SWEEP_EVERY === 0) await this.#sweep();
  }

  async nodes(silentMs: number): Promise<readonly NodeStatus[]> {
    const rows = await this.#db
      .selectFrom("nodes")
      .select(["node", "worker", "calls", "max_calls", "draining"])
      .select(sql<number>`${this.#now} - seen_ms`.as("silent_ms"))
      .where("seen_ms", ">", sql<number>`${this.#now} - ${silentMs}`)
      .orderBy("node")
      .orderBy("worker")
      .execute();
    return rows.map((row) => ({
      ...loadOf(row),
      node: row.node,
      worker: row.worker,
      silentMs: row.silent_ms,
    }));
  }

  /** This process answers for nothing any more. */
  async leave(): Promise<void> {
    await this.#db.deleteFrom("call_holders").where("process", "=", this.#process).execute();
    await this.#db.deleteFrom("nodes").where("process", "=", this.#process).execute();
  }

  async #sweep(): Promise<void> {
    await this.#db.deleteFrom("call_holders").where("until_ms", "<", this.#now).execute();
    const gone = sql<number>`${this.#now} - ${KEEP_MS}`;
    await sql`delete from call_holders where process in (select process from nodes where seen_ms < ${gone})`.execute(
      this.#db,
    );
    await this.#db.deleteFrom("nodes").where("seen_ms", "<", gone).execute();
  }
}

function loadOf(row: { calls: number; max_calls: number; draining: number }): NodeLoad {
  return { calls: row.calls, maxCalls: row.max_calls, draining: row.draining === 1 };
}
