import { type Kysely, sql, type Transaction } from "kysely";
import type { CallSid } from "../../domain/ids.js";
import { toCallSid } from "./call-rows.js";
import { databaseNowMs } from "./database-clock.js";
import type { DatabaseKind } from "./fixed-sql.js";
import type { Guard } from "./guard.js";
import type { Tables } from "./tables.js";

const DAY_MS = 86_400_000;
/** Finished jobs stay this long, so that a repeated callback does not start them again. */
const KEEP_JOBS_MS = 7 * DAY_MS;
/** Tombstones stay longer than any journal that could still contain the call. */
const KEEP_TOMBSTONES_MS = 90 * DAY_MS;
const KEEP_WRITERS_MS = 7 * DAY_MS;

/** Deletes calls, and finds those that retention deletes. */
export class CallRemoval {
  readonly #db: Kysely<Tables>;
  readonly #kind: DatabaseKind;
  readonly #guard: Guard;

  constructor(db: Kysely<Tables>, kind: DatabaseKind, guard: Guard) {
    this.#db = db;
    this.#kind = kind;
    this.#guard = guard;
  }

  async remove(callSid: CallSid): Promise<boolean> {
    return await this.#guard("remove_call", async () => {
      // The tombstone comes first, in its own transaction, so that every later save sees it.
      await this.#db
        .insertInto("deleted_calls")
        .values({ call_sid: callSid, deleted_ms: databaseNowMs(this.#kind) })
        .onConflict((conflict) => conflict.column("call_sid").doNothing())
        .execute();
      return await this.#db.transaction().execute(async (tx) => await removeRows(tx, callSid));
    });
  }

  async expiredCalls(untilMs: number, limit: number): Promise<readonly CallSid[]> {
    const rows = await this.#guard(
      "find_old_calls",
      async () => await this.#endedBefore(untilMs, limit).execute(),
    );
    return rows.map(toCallSid);
  }

  async expiredRecordings(untilMs: number, limit: number): Promise<readonly CallSid[]> {
    const rows = await this.#guard(
      "find_old_calls",
      async () =>
        await this.#endedBefore(untilMs, limit).where("recording_file", "is not", null).execute(),
    );
    return rows.map(toCallSid);
  }

  #endedBefore(untilMs: number, limit: number) {
    return this.#db
      .selectFrom("calls")
      .select("call_sid")
      .where("state", "=", "ended")
      .where("started_ms", "<", untilMs)
      .orderBy("started_ms")
      .limit(limit);
  }

  async sweep(): Promise<void> {
    await this.#guard("sweep", async () => {
      const db = this.#db;
      const now = databaseNowMs(this.#kind);
      const before = (ms: number) => sql<number>`${now} - ${ms}`;
      // A save that ran at the same time as a removal may have brought the call back.
      const back = await db
        .selectFrom("calls")
        .select("call_sid")
        .where("call_sid", "in", (eb) => eb.selectFrom("deleted_calls").select("call_sid"))
        .execute();
      for (const row of back)
        await db.transaction().execute(async (tx) => await removeRows(tx, row.call_sid));
      await db.deleteFrom("call_state").where("expires_ms", "<", now).execute();
      await db
        .deleteFrom("jobs")
        .where("state", "=", "done")
        .where("changed_ms", "<", before(KEEP_JOBS_MS))
        .execute();
      await db
        .deleteFrom("deleted_calls")
        .where("deleted_ms", "<", before(KEEP_TOMBSTONES_MS))
        .execute();
      await db.deleteFrom("writers").where("seen_ms", "<", before(KEEP_WRITERS_MS)).execute();
    });
  }
}

async function removeRows(tx: Transaction<Tables>, callSid: string): Promise<boolean> {
  await tx
    .deleteFrom("jobs")
    .where("call_sid", "=", callSid)
    .where("kind", "!=", "recording_remove")
    .execute();
  // The keys of a call's shared state contain its SID.
  await tx.deleteFrom("call_state").where("key", "like", `%${callSid}%`).execute();
  const removed = await tx.deleteFrom("calls").where("call_sid", "=", callSid).executeTakeFirst();
  return removed.numDeletedRows > 0n;
}
