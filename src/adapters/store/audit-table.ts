import type { Kysely } from "kysely";
import type { CallSid } from "../../domain/ids.js";
import type { OperatorRole } from "../../domain/operator.js";
import type { AuditCursor, AuditEntry, AuditQuery, AuditStore } from "../../ports/store.js";
import type { Guard } from "./guard.js";
import type { AuditTable, Tables } from "./tables.js";

/** What operators did, of all nodes. Rows are added, and deleted when retention says so. */
export class AuditTableLog implements AuditStore {
  readonly #db: Kysely<Tables>;
  readonly #searched: Kysely<Tables>;
  readonly #guard: Guard;

  /** @param searched  the same database, for what may look through many rows. */
  constructor(db: Kysely<Tables>, searched: Kysely<Tables>, guard: Guard) {
    this.#db = db;
    this.#searched = searched;
    this.#guard = guard;
  }

  async addAudit(entries: readonly AuditEntry[]): Promise<void> {
    const rows = entries.map(({ epochMs, callSid, ...rest }) => ({
      ...rest,
      at_ms: epochMs,
      call_sid: callSid,
    }));
    await this.#guard(
      "add_audit",
      async () =>
        await this.#db
          .insertInto("audit")
          .values(rows)
          .onConflict((conflict) => conflict.column("id").doNothing())
          .execute(),
    );
  }

  async findAudit(
    { callSid, operator, action, refused, sinceMs, untilMs }: AuditQuery,
    after: AuditCursor | null,
    limit: number,
  ): Promise<readonly AuditEntry[]> {
    const rows = await this.#guard("find_audit", async () => {
      let select = this.#searched.selectFrom("audit").selectAll();
      if (callSid !== undefined) select = select.where("call_sid", "=", callSid);
      if (operator !== undefined) select = select.where("operator", "=", operator);
      if (action !== undefined) select = select.where("action", "=", action);
      if (refused !== undefined)
        select = select.where("status", refused ? ">=" : "<", FIRST_REFUSAL_STATUS);
      if (sinceMs !== undefined) select = select.where("at_ms", ">=", sinceMs);
      if (untilMs !== undefined) select = select.where("at_ms", "<", untilMs);
      if (after !== null)
        select = select.where((eb) =>
          eb.or([
            eb("at_ms", "<", after.epochMs),
            eb.and([eb("at_ms", "=", after.epochMs), eb("id", "<", after.id)]),
          ]),
        );
      return await select.orderBy("at_ms", "desc").orderBy("id", "desc").limit(limit).execute();
    });
    return rows.map(toEntry);
  }

  async removeAudit(beforeMs: number, limit: number): Promise<number> {
    return await this.#guard("remove_audit", async () => {
      const { numDeletedRows } = await this.#db
        .deleteFrom("audit")
        .where("id", "in", (eb) =>
          eb
            .selectFrom("audit")
            .select("id")
            .where("at_ms", "<", beforeMs)
            .orderBy("at_ms")
            .limit(limit),
        )
        .executeTakeFirst();
      return Number(numDeletedRows);
    });
  }
}

/** HTTP status from which on an answer is a refusal or a failure. */
const FIRST_REFUSAL_STATUS = 400;

// `addAudit` wrote these columns.
function toEntry({ at_ms, call_sid, role, ...rest }: AuditTable): AuditEntry {
  return {
    ...rest,
    epochMs: at_ms,
    role: role as OperatorRole,
    callSid: call_sid as CallSid | null,
  };
}
