import type { Kysely } from "kysely";
import type { CallSid } from "../../domain/ids.js";
import type { RecordsWanted, StoredCall, WrittenRecords } from "../../ports/store.js";
import { writtenRecords } from "../../records/record-texts.js";
import { STORED_COLUMNS, toCallSid, toStoredCall } from "./call-rows.js";
import type { Guard } from "./guard.js";
import type { Tables } from "./tables.js";

/** Loads calls. */
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
          .select(STORED_COLUMNS)
          .where("call_sid", "in", callSids)
          .execute(),
    );
    return new Map(rows.map((row) => [toCallSid(row), toStoredCall(row)]));
  }

  async loadJson(callSids: readonly CallSid[]): Promise<ReadonlyMap<CallSid, string>> {
    if (callSids.length === 0) return new Map();
    const rows = await this.#guard(
      "load_calls",
      async () =>
        await this.#db
          .selectFrom("calls")
          .select(["call_sid", "record"])
          .where("call_sid", "in", callSids)
          .execute(),
    );
    return new Map(rows.map((row) => [toCallSid(row), row.record]));
  }

  async writeRecords(wanted: RecordsWanted): Promise<WrittenRecords> {
    return writtenRecords(wanted, await this.loadJson(wanted.callSids));
  }
}
