import { type Kysely, sql } from "kysely";
import type { CallSid } from "../../domain/ids.js";
import type { WriterId } from "../../ports/store.js";
import { toCallSid } from "./call-rows.js";
import { databaseNowMs } from "./database-clock.js";
import type { DatabaseKind } from "./fixed-sql.js";
import type { Guard } from "./guard.js";
import type { Tables } from "./tables.js";

/** Which processes that write records are alive, and the live calls of those that are not. */
export class WritersTable {
  readonly #db: Kysely<Tables>;
  readonly #kind: DatabaseKind;
  readonly #guard: Guard;

  constructor(db: Kysely<Tables>, kind: DatabaseKind, guard: Guard) {
    this.#db = db;
    this.#kind = kind;
    this.#guard = guard;
  }

  async heartbeat(writer: WriterId, node: string): Promise<void> {
    const seen = databaseNowMs(this.#kind);
    await this.#guard(
      "heartbeat",
      async () =>
        await this.#db
          .insertInto("writers")
          .values({ writer, node, seen_ms: seen })
          .onConflict((conflict) => conflict.column("writer").doUpdateSet({ node, seen_ms: seen }))
          .execute(),
    );
  }

  async forgetWriter(writer: WriterId): Promise<void> {
    await this.#guard(
      "forget_writer",
      async () => await this.#db.deleteFrom("writers").where("writer", "=", writer).execute(),
    );
  }

  async liveCallsOf(writer: WriterId): Promise<readonly CallSid[]> {
    const rows = await this.#guard(
      "find_live_calls",
      async () =>
        await this.#db
          .selectFrom("calls")
          .select("call_sid")
          .where("state", "=", "live")
          .where("owner", "=", writer)
          .execute(),
    );
    return rows.map(toCallSid);
  }

  async abandonedCalls(silentMs: number, limit: number): Promise<readonly CallSid[]> {
    const alive = aliveWriters(this.#db, this.#kind, silentMs);
    const rows = await this.#guard(
      "find_live_calls",
      async () =>
        await this.#db
          .selectFrom("calls")
          .select("call_sid")
          .where("state", "=", "live")
          .where("owner", "not in", alive)
          .orderBy("started_ms")
          .limit(limit)
          .execute(),
    );
    return rows.map(toCallSid);
  }
}

/**
 * Writers whose last heartbeat is at most `silentMs` old. A heartbeat from the future counts as
 * old: the clock was set back since, and a living writer sends another one soon.
 */
export function aliveWriters(db: Kysely<Tables>, kind: DatabaseKind, silentMs: number) {
  const now = databaseNowMs(kind);
  return db
    .selectFrom("writers")
    .select("writer")
    .where("seen_ms", ">=", sql<number>`${now} - ${silentMs}`)
    .where("seen_ms", "<=", sql<number>`${now} + ${silentMs}`);
}
