import type { Kysely, Transaction } from "kysely";
import {
  type CallReview,
  MAX_REVIEW_NOTES,
  MAX_TAGS,
  NO_REVIEW,
  type Rating,
} from "../../domain/call-review.js";
import type { CallSid } from "../../domain/ids.js";
import type { ReviewChange, ReviewOutcome, ReviewStore } from "../../ports/store.js";
import { storable } from "./call-rows.js";
import type { DatabaseKind } from "./fixed-sql.js";
import { flagsOfBits } from "./flag-bits.js";
import type { Guard } from "./guard.js";
import type { Tables } from "./tables.js";

/** Takes the whole change back. */
class Full extends Error {}

type Draft = { -readonly [Name in keyof CallReview]: CallReview[Name] };

/** What people said of calls, and why the rules found them. */
export class ReviewTables implements ReviewStore {
  readonly #db: Kysely<Tables>;
  readonly #kind: DatabaseKind;
  readonly #guard: Guard;

  constructor(db: Kysely<Tables>, kind: DatabaseKind, guard: Guard) {
    this.#db = db;
    this.#kind = kind;
    this.#guard = guard;
  }

  async changeReview(callSid: CallSid, change: ReviewChange): Promise<ReviewOutcome> {
    return await this.#guard("change_review", async () => {
      try {
        return await this.#db
          .transaction()
          .execute(async (tx) => await apply(tx, this.#kind, callSid, change));
      } catch (error) {
        if (error instanceof Full) return "full";
        throw error;
      }
    });
  }

  async reviewsOf(callSids: readonly CallSid[]): Promise<ReadonlyMap<CallSid, CallReview>> {
    if (callSids.length === 0) return new Map();
    return await this.#guard("load_reviews", async () => {
      const drafts = new Map<CallSid, Draft>();
      const draftOf = (callSid: string): Draft => {
        const known = drafts.get(callSid as CallSid) ?? { ...NO_REVIEW };
        drafts.set(callSid as CallSid, known);
        return known;
      };
      const of = ["call_sid", "in", callSids] as const;
      const reviews = this.#db
        .selectFrom("call_reviews")
        .selectAll()
        .where(...of);
      for (const row of await reviews.execute())
        Object.assign(draftOf(row.call_sid), {
          rating: row.rating as Rating | null,
          ratedBy: row.rated_by,
          reviewedAt: row.done_ms === null ? null : new Date(row.done_ms).toISOString(),
          reviewedBy: row.done_by,
        });
      const tags = this.#db
        .selectFrom("call_tags")
        .selectAll()
        .where(...of);
      for (const { call_sid, tag } of await tags.orderBy("tag").execute())
        draftOf(call_sid).tags = [...draftOf(call_sid).tags, tag];
      const flagged = this.#db.selectFrom("call_search").select(["call_sid", "flags"]);
      for (const { call_sid, flags } of await flagged
        .where(...of)
        .where("flags", ">", 0)
        .execute())
        draftOf(call_sid).flags = flagsOfBits(flags);
      const notes = this.#db
        .selectFrom("call_notes")
        .selectAll()
        .where(...of);
      for (const { call_sid, at_ms, operator, text } of await notes
        .orderBy("at_ms")
        .orderBy("id")
        .execute())
        draftOf(call_sid).notes = [
          ...draftOf(call_sid).notes,
          { at: new Date(at_ms).toISOString(), operator, text },
        ];
      return drafts;
    });
  }
}

async function apply(
  tx: Transaction<Tables>,
  kind: DatabaseKind,
  callSid: CallSid,
  change: ReviewChange,
): Promise<ReviewOutcome> {
  const call = tx.selectFrom("calls").select("call_sid").where("call_sid", "=", callSid);
  // Held: a removal that comes meanwhile removes this change, too.
  const held = kind === "postgres" ? call.forKeyShare() : call;
  if ((await held.execute()).length === 0) return "not_found";
  // First: its row is locked, so that the changes of one call follow each other.
  await changeRow(tx, callSid, change);
  await changeTags(tx, callSid, change);
  if (change.note !== undefined) {
    const { id, text } = change.note;
    await tx
      .insertInto("call_notes")
      .values({
        id,
        call_sid: callSid,
        at_ms: change.epochMs,
        operator: change.by,
        text: storable(text),
      })
      .execute();
  }
  if ((change.addTags ?? []).length > 0) await checkCount(tx, "call_tags", callSid, MAX_TAGS);
  if (change.note !== undefined) await checkCount(tx, "call_notes", callSid, MAX_REVIEW_NOTES);
  return "changed";
}

async function checkCount(
  tx: Transaction<Tables>,
  table: "call_tags" | "call_notes",
  callSid: CallSid,
  most: number,
): Promise<void> {
  const rows = tx.selectFrom(table).select("call_sid").where("call_sid", "=", callSid);
  if ((await rows.limit(most + 1).execute()).length > most) throw new Full();
}

async function changeTags(
  tx: Transaction<Tables>,
  callSid: CallSid,
  { addTags = [], removeTags = [] }: ReviewChange,
): Promise<void> {
  if (removeTags.length > 0)
    await tx
      .deleteFrom("call_tags")
      .where("call_sid", "=", callSid)
      .where("tag", "in", removeTags)
      .execute();
  if (addTags.length > 0)
    await tx
      .insertInto("call_tags")
      .values([...new Set(addTags)].map((tag) => ({ call_sid: callSid, tag })))
      .onConflict((conflict) => conflict.columns(["call_sid", "tag"]).doNothing())
      .execute();
}

/** Each call with a tag or a note has a row, too: counting begins with these rows. */
async function changeRow(
  tx: Transaction<Tables>,
  callSid: CallSid,
  { by, epochMs, rating, reviewed }: ReviewChange,
): Promise<void> {
  const row = {
    ...(rating === undefined ? {} : { rating, rated_by: rating === null ? null : by }),
    ...(reviewed === undefined
      ? {}
      : { done_ms: reviewed ? epochMs : null, done_by: reviewed ? by : null }),
  };
  const reviews = tx
    .insertInto("call_reviews")
    .values({
      call_sid: callSid,
      rating: null,
      rated_by: null,
      done_ms: null,
      done_by: null,
      ...row,
    })
    // Also when nothing changes: only an update locks the row.
    .onConflict((conflict) =>
      conflict.column("call_sid").doUpdateSet({ call_sid: callSid, ...row }),
    );
  await reviews.execute();
}
