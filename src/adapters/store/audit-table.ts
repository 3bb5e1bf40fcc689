import type { Kysely } from "kysely";
import type { CallSid } from "../../domain/ids.js";
import type { OperatorRole } from "../../domain/operator.js";
import type { AuditCursor, AuditEntry, AuditQuery, AuditStore } from "../../ports/store.js";
import type { Guard } from "./guard.js";
import type { AuditTable, Tables } from "./tables.js";

/** What operators did, of all nodes. Rows are only added. */
export class AuditTableLog implements AuditStore {
  readonly #db: Kysely<Tables>;
  readonly #guard: Guard;

  constructor(db: Kysely<Tables>, guard: Guard) {
    this.#db = db;
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
    { callSid, operator }: AuditQuery,
    after: AuditCursor | null,
    limit: number,
  ): Promise<readonly AuditEntry[]> {
    const rows = await this.#guard("find_audit", async () => {
      let select = this.#db.selectFrom("audit").selectAll();
      if (callSid !== undefined) select = select.where("call_sid", "=", callSid);
      if (operator !== undefined) select = select.where("operator", "=", operator);
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
}

// `addAudit` wrote these columns.
function toEntry({ at_ms, call_sid, role, ...rest }: AuditTable): AuditEntry {
  return {
    ...rest,
    epochMs: at_ms,
    role: role as OperatorRole,
    callSid: call_sid as CallSid | null,
  };
}
