import type { ExpressionBuilder, Kysely } from "kysely";
import type { CallRecord } from "../../domain/call-record.js";
import type { CallSid } from "../../domain/ids.js";
import type { CallCursor, CallFilter, StoredCall } from "../../ports/store.js";
import { parseApplied, parseRecord, toCallSid } from "./call-rows.js";
import type { Guard } from "./guard.js";
import type { Tables } from "./tables.js";

/** Loads single calls and lists calls, newest first. */
export class CallReads {
  readonly #db: Kysely<Tables>;
  readonly #guard: Guard;

  constructor(db: Kysely<Tables>, guard: Guard) {
    this.#db = db;
    this.#guard = guard;
  }

  async load(callSid: CallSid): Promise<StoredCall | null> {
    return (await this.loadMany([callSid])).get(callSid) ?? null;
  }

  async loadMany(callSids: readonly CallSid[]): Promise<ReadonlyMap<CallSid, StoredCall>> {
    if (callSids.length === 0) return new Map();
    const rows = await this.#guard(
      "load_calls",
      async () =>
        await this.#db
          .selectFrom("calls")
          .select(["call_sid", "record", "version", "applied", "owner"])
          .where("call_sid", "in", callSids)
          .execute(),
    );
    return new Map(
      rows.map((row) => {
        const { version, owner } = row;
        const applied = parseApplied(row.applied);
        return [toCallSid(row), { record: parseRecord(row.record), version, applied, owner }];
      }),
    );
  }

  async list(
    filter: CallFilter,
    after: CallCursor | null,
    limit: number,
  ): Promise<readonly CallRecord[]> {
    const rows = await this.#guard("list_calls", async () => {
      let query = this.#db.selectFrom("calls").select("record").where(matches(filter));
      if (after !== null) query = query.where(isAfter(after));
      return await query
        .orderBy("started_ms", "desc")
        .orderBy("call_sid", "desc")
        .limit(limit)
        .execute();
    });
    return rows.map((row) => parseRecord(row.record));
  }
}

function isAfter({ startedMs, callSid }: CallCursor) {
  return (eb: ExpressionBuilder<Tables, "calls">) =>
    eb.or([
      eb("started_ms", "<", startedMs),
      eb.and([eb("started_ms", "=", startedMs), eb("call_sid", "<", callSid)]),
    ]);
}

function matches(filter: CallFilter) {
  return (eb: ExpressionBuilder<Tables, "calls">) => {
    const all = [eb("started_ms", ">=", filter.sinceMs ?? 0)];
    if (filter.state !== undefined) all.push(eb("state", "=", filter.state));
    if (filter.agent !== undefined) all.push(eb("agent", "=", filter.agent));
    if (filter.outcome !== undefined) all.push(eb("outcome", "=", filter.outcome));
    if (filter.untilMs !== undefined) all.push(eb("started_ms", "<", filter.untilMs));
    if (filter.caller !== undefined) all.push(eb("caller", "=", filter.caller));
    return eb.and(all);
  };
}
