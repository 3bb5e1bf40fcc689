import { type Kysely, sql } from "kysely";
import type { CallSid } from "../../domain/ids.js";
import { databaseNowMs } from "../store/database-clock.js";
import type { Tables } from "../store/tables.js";

export type OwnershipChange = "claim" | "release";

/** How busy a process is. */
export interface NodeLoad {
  readonly calls: number;
  readonly maxCalls: number;
  readonly draining: boolean;
}

/** A process of the cluster at its last heartbeat. */
export interface NodeStatus extends NodeLoad {
  readonly node: string;
  readonly worker: number;
  /** Since the heartbeat, by the database's clock. */
  readonly silentMs: number;
}

/** Callbacks of a call still arrive after its end. */
const REMEMBER_MS = 10 * 60_000;
/** Rows of processes that died stay this long, for people to look at. */
export const KEEP_MS = 3_600_000;
const HEARTBEATS_PER_SWEEP = 20;

/**
 * Which process owns which call, and which processes are alive. PostgreSQL only. All times are by
 * its clock.
 */
export class OwnerTable {
  readonly #db: Kysely<Tables>;
  readonly #process: string;
  readonly #now = databaseNowMs("postgres");
  #heartbeats = 0;

  constructor(db: Kysely<Tables>, process: string) {
    this.#db = db;
    this.#process = process;
  }

  /** @returns the former owner of each call that had one. */
  async write(
    changes: ReadonlyMap<CallSid, OwnershipChange>,
  ): Promise<readonly { readonly callSid: CallSid; readonly former: string }[]> {
    const callsWith = (wanted: OwnershipChange): CallSid[] =>
      [...changes].flatMap(([callSid, change]) => (change === wanted ? [callSid] : []));
    const released = callsWith("release");
    if (released.length > 0) {
      await sql`update call_holders set until_ms = ${this.#now} + ${REMEMBER_MS}
        where call_sid = any(${released}) and process = ${this.#process}`.execute(this.#db);
    }
    const claimed = callsWith("claim");
    if (claimed.length === 0) return [];
    // The query before `insert` sees the table as it was.
    const { rows } = await sql<{ call_sid: CallSid; former: string | null }>`
      with old as (select call_sid, process from call_holders where call_sid = any(${claimed}))
      insert into call_holders (call_sid, process, until_ms)
        select call_sid, ${this.#process}, null
          from unnest(cast(${claimed} as text[])) as wanted (call_sid)
      on conflict (call_sid) do update set process = excluded.process, until_ms = null
      returning call_sid,
        (select old.process from old where old.call_sid = call_holders.call_sid) as former`.execute(
      this.#db,
    );
    return rows.flatMap(({ call_sid, former }) =>
      former === null ? [] : [{ callSid: call_sid, former }],
    );
  }

  /** Null when no process owns the call, or its owner has been silent for `silentMs`. */
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

  async heartbeat(status: Omit<NodeStatus, "silentMs">): Promise<void> {
    const { node, worker, calls, maxCalls, draining } = status;
    const values = { node, worker, calls, max_calls: maxCalls, draining: draining ? 1 : 0 };
    await this.#db
      .insertInto("nodes")
      .values({ process: this.#process, ...values, seen_ms: this.#now })
      .onConflict((conflict) =>
        conflict.column("process").doUpdateSet({ ...values, seen_ms: this.#now }),
      )
      .execute();
    if (this.#heartbeats++ % HEARTBEATS_PER_SWEEP === 0) await this.#sweep();
  }

  /** Processes that have sent a heartbeat within `silentMs`, by node and worker. */
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
      node: row.node,
      worker: row.worker,
      calls: row.calls,
      maxCalls: row.max_calls,
      draining: row.draining === 1,
      // The clock may have been set back since.
      silentMs: Math.max(0, row.silent_ms),
    }));
  }

  /** This process no longer owns any call. */
  async leave(): Promise<void> {
    await this.#db.deleteFrom("call_holders").where("process", "=", this.#process).execute();
    await this.#db.deleteFrom("nodes").where("process", "=", this.#process).execute();
  }

  async #sweep(): Promise<void> {
    await this.#db.deleteFrom("call_holders").where("until_ms", "<", this.#now).execute();
    const gone = sql<number>`${this.#now} - ${KEEP_MS}`;
    await sql`delete from call_holders
      where process in (select process from nodes where seen_ms < ${gone})`.execute(this.#db);
    await this.#db.deleteFrom("nodes").where("seen_ms", "<", gone).execute();
  }
}
