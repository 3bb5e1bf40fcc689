import type { Kysely, Transaction } from "kysely";
import type { CallSid } from "../../domain/ids.js";
import type { CallSave, SaveOutcome } from "../../ports/store.js";
import { CALL_COLUMNS, callValues } from "./call-rows.js";
import { type DatabaseKind, FixedSql } from "./fixed-sql.js";
import type { Guard } from "./guard.js";
import type { Tables } from "./tables.js";

/** Saves calls under optimistic concurrency: a save names the version that it is based on. */
export class CallWrites {
  readonly #db: Kysely<Tables>;
  readonly #guard: Guard;
  readonly #sql: FixedSql;
  readonly #updateCall: string;

  constructor(db: Kysely<Tables>, kind: DatabaseKind, guard: Guard) {
    this.#db = db;
    this.#guard = guard;
    const sql = new FixedSql(kind);
    const set = CALL_COLUMNS.map((column, i) => `${column} = ${sql.placeholder(i + 1)}`);
    const n = CALL_COLUMNS.length;
    this.#sql = sql;
    this.#updateCall = `update calls set ${set.join(", ")}
      where call_sid = ${sql.placeholder(n + 1)} and version = ${sql.placeholder(n + 2)}`;
  }

  async save(saves: readonly CallSave[]): Promise<readonly SaveOutcome[]> {
    if (saves.length === 0) return [];
    // Transactions lock their rows in the same order. Otherwise two nodes could deadlock.
    const ordered = [...saves].sort((a, b) => (a.callSid < b.callSid ? -1 : 1));
    const outcomes = await this.#guard(
      "save_calls",
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
    await this.#insert(
      tx,
      saves.filter((save) => save.basedOn === 0),
      outcomes,
    );
    for (const save of saves) {
      if (save.basedOn === 0) continue;
      const parameters = [...callValues(save), save.callSid, save.basedOn];
      const updated = await this.#sql.run(tx, this.#updateCall, parameters);
      outcomes.set(save.callSid, updated.numAffectedRows === 1n ? "saved" : "conflict");
    }
    const missed = saves
      .map((save) => save.callSid)
      .filter((callSid) => outcomes.get(callSid) === "conflict");
    const deleted = await this.#sql.keysIn(tx, "deleted_calls", "call_sid", missed);
    for (const callSid of missed) if (deleted.has(callSid)) outcomes.set(callSid, "deleted");
    return outcomes;
  }

  async #insert(
    tx: Transaction<Tables>,
    saves: readonly CallSave[],
    outcomes: Map<CallSid, SaveOutcome>,
  ): Promise<void> {
    if (saves.length === 0) return;
    const inserted = await this.#sql.insertNew(tx, {
      table: "calls",
      columns: CALL_COLUMNS,
      rows: saves.map(callValues),
      // An update of a deleted call finds no row. Only an insert could bring the call back.
      tombstones: "deleted_calls",
    });
    for (const { callSid } of saves)
      outcomes.set(callSid, inserted.has(callSid) ? "saved" : "conflict");
  }
}
