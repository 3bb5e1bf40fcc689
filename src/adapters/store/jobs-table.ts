import type { Kysely } from "kysely";
import type { CallSid } from "../../domain/ids.js";
import type { Job, JobKind, JobQueue, NewJob, WriterId } from "../../ports/store.js";
import type { Guard } from "./guard.js";
import { databaseNowMs } from "./migrations.js";
import type { JobsTable, Tables } from "./tables.js";

/** Work that outlives the process. A job whose holder died is due again when its lease ends. */
export class JobsTableQueue implements JobQueue {
  readonly #db: Kysely<Tables>;
  readonly #kind: "sqlite" | "postgres";
  readonly #guard: Guard;

  constructor(db: Kysely<Tables>, kind: "sqlite" | "postgres", guard: Guard) {
    this.#db = db;
    this.#kind = kind;
    this.#guard = guard;
  }

  async addJob(job: NewJob): Promise<boolean> {
    const now = databaseNowMs(this.#kind);
    const added = await this.#guard(
      async () =>
        await this.#db
          .insertInto("jobs")
          .values({
            id: job.key,
            kind: job.kind,
            call_sid: job.callSid,
            payload: JSON.stringify(job.payload),
            state: "due",
            attempts: 0,
            run_at_ms: now,
            holder: null,
            error: null,
            changed_ms: now,
          })
          .onConflict((conflict) => conflict.column("id").doNothing())
          .returning("id")
          .execute(),
    );
    return added.length === 1;
  }

  async takeJob(writer: WriterId, leaseMs: number): Promise<Job | null> {
    const now = databaseNowMs(this.#kind);
    const row = await this.#guard(async () => {
      const next = await this.#db
        .selectFrom("jobs")
        .select(["id", "run_at_ms"])
        .where("state", "in", ["due", "taken"])
        .where("run_at_ms", "<=", now)
        .orderBy("run_at_ms")
        .limit(1)
        .executeTakeFirst();
      if (next === undefined) return undefined;
      // Whoever changes run_at_ms first has it; the others find nothing and come again.
      return await this.#db
        .updateTable("jobs")
        .set((eb) => ({
          state: "taken",
          holder: writer,
          attempts: eb("attempts", "+", 1),
          run_at_ms: eb(now, "+", leaseMs),
          changed_ms: now,
        }))
        .where("id", "=", next.id)
        .where("run_at_ms", "=", next.run_at_ms)
        .where("state", "in", ["due", "taken"])
        .returningAll()
        .executeTakeFirst();
    });
    return row === undefined ? null : toJob(row);
  }

  async finishJob(id: string): Promise<void> {
    await this.#set(id, { state: "done", error: null, holder: null });
  }

  async failJob(id: string, error: string, afterMs: number | null): Promise<void> {
    const state = afterMs === null ? "dead" : "due";
    await this.#set(id, { state, error: error.slice(0, 500), holder: null }, afterMs ?? 0);
  }

  async #set(id: string, change: Partial<JobsTable>, afterMs = 0): Promise<void> {
    const now = databaseNowMs(this.#kind);
    await this.#guard(
      async () =>
        await this.#db
          .updateTable("jobs")
          .set((eb) => ({ ...change, changed_ms: now, run_at_ms: eb(now, "+", afterMs) }))
          .where("id", "=", id)
          .execute(),
    );
  }

  async deadJobs(limit: number): Promise<readonly (Job & { readonly error: string })[]> {
    const rows = await this.#guard(
      async () =>
        await this.#db
          .selectFrom("jobs")
          .selectAll()
          .where("state", "=", "dead")
          .orderBy("changed_ms", "desc")
          .limit(limit)
          .execute(),
    );
    return rows.map((row) => ({ ...toJob(row), error: row.error ?? "" }));
  }
}

// What is read here was written by `addJob`.
function toJob(row: JobsTable): Job {
  return {
    id: row.id,
    key: row.id,
    kind: row.kind as JobKind,
    callSid: row.call_sid as CallSid,
    payload: JSON.parse(row.payload) as Job["payload"],
    attempts: row.attempts,
  };
}
