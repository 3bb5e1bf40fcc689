import { type ExpressionBuilder, type Kysely, sql, type Transaction } from "kysely";
import type { CallRecord } from "../../domain/call-record.js";
import type { CallSid } from "../../domain/ids.js";
import type {
  CallCursor,
  CallFilter,
  CallSave,
  CallStore,
  SaveOutcome,
  StoredCall,
  WriterId,
} from "../../ports/store.js";
import { FixedSql } from "./fixed-sql.js";
import type { Guard } from "./guard.js";
import { databaseNowMs } from "./migrations.js";
import type { CallsTable, Tables } from "./tables.js";

/** Finished jobs and used tokens are of no use to anybody after this. */
const KEEP_JOBS_MS = 7 * 86_400_000;
/** Tombstones outlive every journal that could still hold the call. */
const KEEP_TOMBSTONES_MS = 90 * 86_400_000;
const KEEP_WRITERS_MS = 7 * 86_400_000;
const CALL_COLUMNS = [
  ...([
    "call_sid",
    "version",
    "owner",
    "state",
    "agent",
    "direction",
    "caller",
    "from_number",
  ] as const),
  ...([
    "to_number",
    "outcome",
    "started_ms",
    "ended_ms",
    "cost_usd",
    "recording_sid",
    "recording_file",
  ] as const),
  ...(["record", "applied"] as const),
] as const satisfies readonly (keyof CallsTable)[];
/** Call records, and who answers for them. */
export class CallTables implements CallStore {
  readonly #db: Kysely<Tables>;
  readonly #kind: "sqlite" | "postgres";
  readonly #guard: Guard;
  readonly #sql: FixedSql;
  readonly #updateCall: string;

  constructor(db: Kysely<Tables>, kind: "sqlite" | "postgres", guard: Guard) {
    this.#db = db;
    this.#kind = kind;
    this.#guard = guard;
    const sql = new FixedSql(kind);
    const set = CALL_COLUMNS.map((column, i) => `${column} = ${sql.place(i + 1)}`).join(", ");
    const n = CALL_COLUMNS.length;
    this.#sql = sql;
    this.#updateCall = `update calls set ${set} where call_sid = ${sql.place(n + 1)} and version = ${sql.place(n + 2)}`;
  }

  async save(saves: readonly CallSave[]): Promise<readonly SaveOutcome[]> {
    if (saves.length === 0) return [];
    // Every transaction takes its rows in the same order, or two nodes could wait for each other.
    const ordered = [...saves].sort((a, b) => (a.callSid < b.callSid ? -1 : 1));
    const outcomes = await this.#guard(
      async () =>
        await this.#db.transaction().execute(async (tx) => await this.#saveAll(tx, ordered)),
    );
    return saves.map((save) => outcomes.get(save.callSid) ?? "conflict");
  }

  async #saveAll(
    tx: Transaction<Tables>,
    saves: readonly CallSave[],
  ): Promise<Map<CallSid, SaveOutcome>> {
    const outcomes = new Map<CallSid, SaveOutcome>();
    const fresh = saves.filter((save) => save.basedOn === 0);
    if (fresh.length > 0) {
      const rows = fresh.map((save) => callValues(toRow(save)));
      // A deleted call has no row to be updated; only a new row could bring it back.
      const won = await this.#sql.insertNew(tx, {
        table: "calls",
        columns: CALL_COLUMNS,
        rows,
        tombstones: "deleted_calls",
      });
      for (const { callSid } of fresh)
        outcomes.set(callSid, won.has(callSid) ? "saved" : "conflict");
    }
    for (const save of saves) {
      if (save.basedOn === 0) continue;
      const values = [...callValues(toRow(save)), save.callSid, save.basedOn];
      const updated = await this.#sql.run(tx, this.#updateCall, values);
      outcomes.set(save.callSid, updated.numAffectedRows === 1n ? "saved" : "conflict");
    }
    const missed = saves
      .map((save) => save.callSid)
      .filter((sid) => outcomes.get(sid) === "conflict");
    const gone = await this.#sql.keysIn(tx, "deleted_calls", "call_sid", missed);
    for (const sid of missed) if (gone.has(sid)) outcomes.set(sid, "deleted");
    return outcomes;
  }

  async load(callSid: CallSid): Promise<StoredCall | null> {
    return (await this.loadMany([callSid])).get(callSid) ?? null;
  }

  async loadMany(callSids: readonly CallSid[]): Promise<ReadonlyMap<CallSid, StoredCall>> {
    if (callSids.length === 0) return new Map();
    const rows = await this.#guard(
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
        const stored = {
          record: parseRecord(row.record),
          version,
          applied: parseApplied(row.applied),
          owner,
        };
        return [toCallSid(row), stored];
      }),
    );
  }

  async list(
    filter: CallFilter,
    after: CallCursor | null,
    limit: number,
  ): Promise<readonly CallRecord[]> {
    const rows = await this.#guard(async () => {
      let query = this.#db.selectFrom("calls").select("record").where(matches(filter));
      if (after !== null) {
        query = query.where((eb) =>
          eb.or([
            eb("started_ms", "<", after.startedMs),
            eb.and([eb("started_ms", "=", after.startedMs), eb("call_sid", "<", after.callSid)]),
          ]),
        );
      }
      return await query
        .orderBy("started_ms", "desc")
        .orderBy("call_sid", "desc")
        .limit(limit)
        .execute();
    });
    return rows.map((row) => parseRecord(row.record));
  }

  async remove(callSid: CallSid): Promise<boolean> {
    return await this.#guard(async () => {
      // The tombstone first, in a transaction of its own: a save that begins from now on sees it.
      await this.#db
        .insertInto("deleted_calls")
        .values({ call_sid: callSid, deleted_ms: databaseNowMs(this.#kind) })
        .onConflict((conflict) => conflict.column("call_sid").doNothing())
        .execute();
      return await this.#db.transaction().execute(async (tx) => await removeRows(tx, callSid));
    });
  }

  async heartbeat(writer: WriterId, node: string): Promise<void> {
    const seen = databaseNowMs(this.#kind);
    await this.#guard(
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
      async () => await this.#db.deleteFrom("writers").where("writer", "=", writer).execute(),
    );
  }

  async liveCallsOf(writer: WriterId): Promise<readonly CallSid[]> {
    const rows = await this.#guard(
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
    const rows = await this.#guard(
      async () =>
        await this.#db
          .selectFrom("calls")
          .select("call_sid")
          .where("state", "=", "live")
          .where("owner", "not in", (eb) =>
            eb
              .selectFrom("writers")
              .select("writer")
              .where("seen_ms", ">=", eb(databaseNowMs(this.#kind), "-", silentMs)),
          )
          .orderBy("started_ms")
          .limit(limit)
          .execute(),
    );
    return rows.map(toCallSid);
  }

  async expiredCalls(untilMs: number, limit: number): Promise<readonly CallSid[]> {
    const rows = await this.#guard(async () => await this.#expired(untilMs, limit).execute());
    return rows.map(toCallSid);
  }

  async expiredRecordings(untilMs: number, limit: number): Promise<readonly CallSid[]> {
    const rows = await this.#guard(
      async () =>
        await this.#expired(untilMs, limit).where("recording_file", "is not", null).execute(),
    );
    return rows.map(toCallSid);
  }

  async unfetchedRecordings(
    limit: number,
  ): Promise<readonly { readonly callSid: CallSid; readonly recordingSid: string }[]> {
    const rows = await this.#guard(
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

  #expired(untilMs: number, limit: number) {
    return this.#db
      .selectFrom("calls")
      .select("call_sid")
      .where("state", "=", "ended")
      .where("started_ms", "<", untilMs)
      .orderBy("started_ms")
      .limit(limit);
  }

  async sweep(): Promise<void> {
    await this.#guard(async () => {
      const db = this.#db;
      const before = (ms: number) => sql<number>`${databaseNowMs(this.#kind)} - ${ms}`;
      // A save that overlapped with a removal may have brought the call back.
      const back = await db
        .selectFrom("calls")
        .select("call_sid")
        .where("call_sid", "in", (eb) => eb.selectFrom("deleted_calls").select("call_sid"))
        .execute();
      for (const row of back)
        await db.transaction().execute(async (tx) => await removeRows(tx, row.call_sid));
      await db
        .deleteFrom("call_state")
        .where("expires_ms", "<", databaseNowMs(this.#kind))
        .execute();
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
  // Keys of a call's shared state hold its sid, whatever else they hold.
  await tx.deleteFrom("call_state").where("key", "like", `%${callSid}%`).execute();
  const removed = await tx.deleteFrom("calls").where("call_sid", "=", callSid).executeTakeFirst();
  return removed.numDeletedRows > 0n;
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

function toRow(save: CallSave): CallsTable {
  const { record } = save;
  return {
    call_sid: save.callSid,
    version: save.basedOn + 1,
    owner: save.owner,
    state: record.state,
    agent: record.agent === null ? null : storable(record.agent),
    direction: record.direction,
    caller: storableOrNull(record.direction === "inbound" ? record.from : record.to),
    from_number: storableOrNull(record.from),
    to_number: storableOrNull(record.to),
    outcome: record.outcome,
    started_ms: record.startedAt === null ? 0 : Date.parse(record.startedAt),
    ended_ms: record.endedAt === null ? null : Date.parse(record.endedAt),
    cost_usd: record.costUsd,
    recording_sid: record.recording?.sid ?? null,
    recording_file: record.recording?.file ?? null,
    record: storableJson(record),
    applied: JSON.stringify(save.applied),
  };
}

function callValues(row: CallsTable): readonly unknown[] {
  return CALL_COLUMNS.map((column) => row[column]);
}

function storableOrNull(text: string | null): string | null {
  return text === null ? null : storable(text);
}

/**
 * A NUL or half a surrogate, escaped, is good JSON; but PostgreSQL's `jsonb` refuses it, and some clients of SQLite end their process
 * over it, so whoever asks with SQL could not read the record.
 */
function storableJson(record: CallRecord): string {
  const json = JSON.stringify(record);
  if (!json.includes("\\u")) return json;
  return json.replace(
    /\\(?:u(0000|d[89a-f][0-9a-f]{2})|.)/g,
    (written: string, unfit: string | undefined) =>
      unfit === undefined ? written : unfit === "0000" ? "" : "\uFFFD",
  );
}

/** The same for a text of its own: PostgreSQL takes neither. */
function storable(text: string): string {
  return text.replace(/\0/g, "").replace(/[\uD800-\uDFFF]/gu, "\uFFFD");
}

// What these two read was written by this class; nobody else writes the columns.
function parseRecord(json: string): CallRecord {
  return JSON.parse(json) as CallRecord;
}

function parseApplied(json: string): Record<WriterId, number> {
  return JSON.parse(json) as Record<WriterId, number>;
}

function toCallSid(row: { readonly call_sid: string }): CallSid {
  return row.call_sid as CallSid;
}
