import type { Kysely } from "kysely";
import type { SharedState } from "../../ports/store.js";
import type { Guard } from "./guard.js";
import { databaseNowMs } from "./migrations.js";
import type { Tables } from "./tables.js";

/** Keys with values that end; all nodes see the same. Expiry is by the database's clock. */
export class StateTable implements SharedState {
  readonly #db: Kysely<Tables>;
  readonly #kind: "sqlite" | "postgres";
  readonly #guard: Guard;

  constructor(db: Kysely<Tables>, kind: "sqlite" | "postgres", guard: Guard) {
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
    return await this.#guard(async () => {
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
          // What has expired is as good as not there.
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
      // It asked to replace a version that is no longer there, and made a new one instead: take that back.
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
      async () => await this.#db.deleteFrom("call_state").where("key", "=", key).execute(),
    );
  }
}
