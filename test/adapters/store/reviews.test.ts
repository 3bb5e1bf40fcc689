/** Reviews and counts, on both databases and in memory. */
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { CallCounter } from "../../../src/adapters/store/call-counts.js";
import { type OpenStore, openStore } from "../../../src/adapters/store/open-store.js";
import { REVIEW_MIGRATION } from "../../../src/adapters/store/review-schema.js";
import { ReviewTables } from "../../../src/adapters/store/review-tables.js";
import { MAX_REVIEW_NOTES, MAX_TAGS, NO_REVIEW } from "../../../src/domain/call-review.js";
import type { CallQuery, CallStore, ReviewStore } from "../../../src/ports/store.js";
import { memoryCalls } from "../../../src/records/memory-calls.js";
import {
  BEGAN_MS,
  ended,
  testSid,
  transferOutcome,
  transferRequested,
} from "../../fakes/record-events.js";
import { call, indexAll, numberOf, SEARCHED_CALLS, save } from "../../fakes/searched-calls.js";
import { storeKinds } from "../../fakes/stores.js";

const CALLS = [
  ...SEARCHED_CALLS,
  call(7, [transferRequested(1, "desk"), transferOutcome(2, "busy", "desk"), ended(4_000)]),
];
const AT = "2026-11-21T09:00:00.000Z";
const change = { by: "ada", epochMs: Date.parse(AT) };

type Reviewed = Pick<CallStore, "find" | "count" | "sumByNode"> & ReviewStore;

/** What the same acts lead to, wherever calls are kept. */
async function review(store: Reviewed): Promise<void> {
  await store.changeReview(testSid(1), { ...change, rating: 2, addTags: ["vip", "late", "vip"] });
  await store.changeReview(testSid(2), {
    ...change,
    note: { id: "n1", text: "Call +15550001111" },
  });
  await store.changeReview(testSid(7), { ...change, reviewed: true, addTags: ["late"] });
  await store.changeReview(testSid(3), { ...change, rating: 5 });
  await store.changeReview(testSid(3), { by: "ben", epochMs: change.epochMs, rating: null });
}

const QUERIES: readonly (readonly [CallQuery, readonly number[]])[] = [
  [{ tag: "late" }, [7, 1]],
  [{ tag: "none" }, []],
  [{ rating: 2 }, [1]],
  [{ rating: 5 }, []],
  [{ flag: "transfer_failed" }, [7]],
  [{ review: "open" }, []],
  [{ review: "done" }, [7]],
  [{ node: "n1", minInterruptions: 1 }, [3]],
  [{ tag: "late", agent: "nobody" }, []],
];

const COUNTED: readonly CallQuery[] = [
  {},
  { agent: "support", outcome: "failed" },
  { tag: "late" },
  { review: "done" },
  { review: "open" },
  { rating: 2, tag: "late" },
  { text: "business" },
  { interrupted: true },
  { toolFailed: false, flag: "transfer_failed" },
  { minLatencyMs: 900, destination: "billing" },
  { text: testSid(1) },
];

function inMemory(): Reviewed {
  const records = new Map(CALLS.map((record) => [record.callSid, record]));
  return memoryCalls({
    record: (callSid) => records.get(callSid) ?? null,
    records: () => [...records.values()],
  });
}

describe.each(storeKinds())("reviews on $name", (kind) => {
  let store: OpenStore;
  if (kind.skipped !== null) {
    it.skip(`is not tested: ${kind.skipped}`, () => {});
    return;
  }
  beforeEach(async () => {
    store = await openStore(await kind.newDatabase(), (error) => {
      throw error;
    });
    await store.save(CALLS.map((record) => save(record)));
    await indexAll(store);
  });
  afterEach(async () => await store.close());
  afterAll(async () => await kind.dispose());

  it("are kept, changed and taken back", async () => {
    await review(store);
    const sids = [1, 2, 3, 4, 7].map(testSid);
    const found = await store.reviewsOf(sids);
    expect(found.get(testSid(1))).toEqual({
      ...NO_REVIEW,
      rating: 2,
      ratedBy: "ada",
      tags: ["late", "vip"],
    });
    expect(found.get(testSid(2))?.notes).toEqual([
      { at: AT, operator: "ada", text: "Call +15550001111" },
    ]);
    expect(found.get(testSid(3))).toEqual(NO_REVIEW);
    expect(found.has(testSid(4))).toBe(false);
    expect(found.get(testSid(7))).toMatchObject({
      flags: ["transfer_failed"],
      reviewedAt: AT,
      reviewedBy: "ada",
    });
    expect(found).toEqual(await inMemoryAfterReview(sids));
    await store.changeReview(testSid(7), { ...change, reviewed: false, removeTags: ["late"] });
    expect((await store.reviewsOf([testSid(7)])).get(testSid(7))).toEqual({
      ...NO_REVIEW,
      flags: ["transfer_failed"],
    });
    expect((await store.find({ review: "open" }, null, 9)).map(numberOf)).toEqual([7]);
  });

  it("are searched for and counted as in memory", async () => {
    await review(store);
    const memory = inMemory();
    await review(memory);
    for (const [query, numbers] of QUERIES) {
      expect([query, (await store.find(query, null, 9)).map(numberOf)]).toEqual([query, numbers]);
      expect([query, (await memory.find(query, null, 9)).map(numberOf)]).toEqual([query, numbers]);
    }
    for (const query of COUNTED)
      expect([query, await store.count(query)]).toEqual([query, await memory.count(query)]);
    for (const sinceMs of [0, BEGAN_MS + 3_000])
      expect(await store.sumByNode(sinceMs)).toEqual(await memory.sumByNode(sinceMs));
  });

  it("are refused for a call that is not there, and beyond their limits, as a whole", async () => {
    expect(await store.changeReview(testSid(99), { ...change, rating: 1 })).toBe("not_found");
    const many = Array.from({ length: MAX_TAGS }, (_, n) => `tag-${n}`);
    expect(await store.changeReview(testSid(1), { ...change, addTags: many })).toBe("changed");
    const more = { ...change, rating: 1 as const, addTags: ["more"] };
    expect(await store.changeReview(testSid(1), more)).toBe("full");
    expect((await store.reviewsOf([testSid(1)])).get(testSid(1))).toMatchObject({
      rating: null,
      tags: many.toSorted(),
    });
    const noted = async (n: number) =>
      await store.changeReview(testSid(2), { ...change, note: { id: `n${n}`, text: "x" } });
    for (let n = 0; n < MAX_REVIEW_NOTES; n++) expect(await noted(n)).toBe("changed");
    expect(await noted(MAX_REVIEW_NOTES)).toBe("full");
  });

  it("go with their call", async () => {
    await review(store);
    await store.remove(testSid(1));
    await store.remove(testSid(2));
    expect((await store.reviewsOf([testSid(1), testSid(2)])).size).toBe(0);
    expect((await store.count({})).counts.tag).toEqual([["late", 1]]);
  });
});

async function inMemoryAfterReview(sids: Parameters<ReviewStore["reviewsOf"]>[0]) {
  const memory = inMemory();
  await review(memory);
  return await memory.reviewsOf(sids);
}

it("a full change is refused in memory, too", async () => {
  const memory = inMemory();
  const many = Array.from({ length: MAX_TAGS + 1 }, (_, n) => `tag-${n}`);
  expect(await memory.changeReview(testSid(1), { ...change, addTags: many })).toBe("full");
  expect(await memory.changeReview(testSid(99), change)).toBe("not_found");
});

it("the tables of reviews come with a migration of their own", () => {
  expect(REVIEW_MIGRATION.name).toBe("0007-reviews");
  expect([CallCounter, ReviewTables]).toHaveLength(2);
});
