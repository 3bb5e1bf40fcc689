import type { Kysely } from "kysely";
import type { SharedState } from "../../ports/store.js";
import { databaseNowMs } from "./database-clock.js";
import type { DatabaseKind } from "./fixed-sql.js";
import type { Guard } from "./guard.js";
import type { Tables } from "./tables.js";

/** Values that expire, shared by all nodes. The database's clock decides what has expired. */
export class StateTable implements SharedState {
  readonly #db: Kysely<Tables>;
  readonly #kind: DatabaseKind;
  readonly #guard: Guard;

  constructor(db: Kysely<Tables>, kind: DatabaseKind, guard: Guard) {
    this.#db = db;
    this.#kind = kind;
    this.#guard = guard;
  }

  async claimOnce(key: string, ttlMs: number): Promise<boolean> {
    return await this.putState(key, "", ttlMs, 0);
  }

  async getState(
    key: string,
  ): Promise<{ readonly value: string; readonly version: number } | null> {
    const row = await this.#guard(
      "get_state",
      async () =>
        await this.#db
          .selectFrom("call_state")
          .select(["value", "version"])
          .where("key", "=", key)
          .where("expires_ms", ">", databaseNowMs(this.#kind))
          .executeTakeFirst(),
    );
    return row ?? null;
  }

  async putState(key: string, value: string, ttlMs: number, ifVersion?: number): Promise<boolean> {
    const now = databaseNowMs(this.#kind);
    return await this.#guard("put_state", async () => {
      const insert = this.#db
        .insertInto("call_state")
        .values((eb) => ({ key, value, version: 1, expires_ms: eb(now, "+", ttlMs) }));
      const stored = await insert
        .onConflict((conflict) => {
          const update = conflict.column("key").doUpdateSet((eb) => ({
            value,
            version: eb("call_state.version", "+", 1),
            expires_ms: eb(now, "+", ttlMs),
          }));
          if (ifVersion === undefined) return update;
          // An expired value counts as missing.
          if (ifVersion === 0) return update.where("call_state.expires_ms", "<=", now);
          return update.where((eb) =>
            eb.and([
              eb("call_state.version", "=", ifVersion),
              eb("call_state.expires_ms", ">", now),
            ]),
          );
        })
        .returning("version")
        .execute();
      if (stored.length === 0) return false;
      if (ifVersion === undefined || ifVersion === 0 || stored[0]?.version !== 1) return true;
      // The version that was to be replaced no longer exists, and a new one was inserted instead.
      await this.#db
        .deleteFrom("call_state")
        .where("key", "=", key)
        .where("version", "=", 1)
        .execute();
      return false;
    });
  }

  async removeState(key: string): Promise<void> {
    await this.#guard(
      "remove_state",
      async () => await this.#db.deleteFrom("call_state").where("key", "=", key).execute(),
    );
  }
}
