import { type Kysely, sql } from "kysely";
import type { CallSid } from "../../domain/ids.js";
import type { Job, JobKind, JobQueue, NewJob, WriterId } from "../../ports/store.js";
import { toCallSid } from "./call-rows.js";
import { databaseNowMs } from "./database-clock.js";
import type { DatabaseKind } from "./fixed-sql.js";
import type { Guard } from "./guard.js";
import type { JobsTable, Tables } from "./tables.js";
import { aliveWriters } from "./writers-table.js";

/** A job that is due later than this was stored before the clock was set back: it is due now. */
const MAX_WAIT_MS = 2 * 3_600_000;
const MAX_ERROR_CHARS = 500;

/**
 * Work that outlives the process. A job whose holder died is due again: at once when the holder is
 * known to be gone, otherwise when its heartbeats have been missing for `holderSilentMs`.
 */
export class JobsTableQueue implements JobQueue {
  readonly #db: Kysely<Tables>;
  readonly #kind: DatabaseKind;
  readonly #guard: Guard;

  constructor(db: Kysely<Tables>, kind: DatabaseKind, guard: Guard) {
    this.#db = db;
    this.#kind = kind;
    this.#guard = guard;
  }

  async addJob(job: NewJob): Promise<boolean> {
    const now = databaseNowMs(this.#kind);
    const added = await this.#guard(
      "add_job",
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

  async takeJob(writer: WriterId, leaseMs: number, holderSilentMs: number): Promise<Job | null> {
    const now = databaseNowMs(this.#kind);
    const row = await this.#guard("take_job", async () => {
      const next = await this.#nextDue(holderSilentMs);
      if (next === undefined) return undefined;
      // Of several processes the first one that changes the row has the job. The others find no
      // such row and try again later.
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
        .where("attempts", "=", next.attempts)
        .where("state", "in", ["due", "taken"])
        .returningAll()
        .executeTakeFirst();
    });
    return row === undefined ? null : toJob(row);
  }

  async #nextDue(holderSilentMs: number) {
    const now = databaseNowMs(this.#kind);
    const alive = aliveWriters(this.#db, this.#kind, holderSilentMs);
    return await this.#db
      .selectFrom("jobs")
      .select(["id", "attempts"])
      .where("state", "in", ["due", "taken"])
      .where((eb) =>
        eb.or([
          eb("run_at_ms", "<=", now),
          eb("run_at_ms", ">", sql<number>`${now} + ${MAX_WAIT_MS}`),
          eb.and([eb("state", "=", "taken"), eb("holder", "not in", alive)]),
        ]),
      )
      .orderBy("run_at_ms")
      .limit(1)
      .executeTakeFirst();
  }

  async finishJob(id: string): Promise<void> {
    await this.#set("finish_job", id, { state: "done", error: null, holder: null });
  }

  async failJob(id: string, error: string, afterMs: number | null): Promise<void> {
    const state = afterMs === null ? "dead" : "due";
    const change = { state, error: error.slice(0, MAX_ERROR_CHARS), holder: null };
    await this.#set("fail_job", id, change, afterMs ?? 0);
  }

  async #set(
    operation: string,
    id: string,
    change: Partial<JobsTable>,
    afterMs = 0,
  ): Promise<void> {
    const now = databaseNowMs(this.#kind);
    await this.#guard(
      operation,
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
      "list_dead_jobs",
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

  async unfetchedRecordings(
    limit: number,
  ): Promise<readonly { readonly callSid: CallSid; readonly recordingSid: string }[]> {
    const rows = await this.#guard(
      "find_recordings",
      async () =>
        await this.#db
          .selectFrom("calls")
          .select(["call_sid", "recording_sid"])
          .where("state", "=", "ended")
          .where("recording_sid", "is not", null)
          .where("recording_file", "is", null)
          .where(({ not, exists, selectFrom }) =>
            not(
              exists(
                selectFrom("jobs")
                  .select("jobs.id")
                  .whereRef("jobs.call_sid", "=", "calls.call_sid")
                  .where("jobs.kind", "=", "recording_download"),
              ),
            ),
          )
          .limit(limit)
          .execute(),
    );
    return rows.flatMap((row) =>
      row.recording_sid === null
        ? []
        : [{ callSid: toCallSid(row), recordingSid: row.recording_sid }],
    );
  }
}

// `addJob` wrote these columns.
function toJob(row: JobsTable): Job {
  return {
    id: row.id,
    key: row.id,
    kind: row.kind as JobKind,
    callSid: toCallSid(row),
    payload: JSON.parse(row.payload) as Job["payload"],
    attempts: row.attempts,
  };
}
