/** A database full of ended calls. */
import { type OpenStore, openStore } from "../../src/adapters/store/open-store.js";
import { RATINGS } from "../../src/domain/call-review.js";
import { RelayError } from "../../src/domain/errors.js";
import { historyCall, historySid, NEWEST_MS } from "./records.js";

const CALLS_AT_ONCE = 500;
/** Each waits for 10 s. */
const MOST_TRIES = 30;

/** One call in 50 was rated, one in 100 has tags. */
async function review(store: OpenStore, calls: number): Promise<void> {
  for (let n = 0; n < calls; n += 50)
    await store.changeReview(historySid(n), {
      by: "ada",
      epochMs: NEWEST_MS,
      rating: RATINGS[(n / 50) % RATINGS.length] ?? 5,
      reviewed: n % 150 !== 0,
      ...(n % 100 === 0 ? { addTags: [TAGS[(n / 100) % TAGS.length] ?? "praise"] } : {}),
    });
}

const TAGS = ["billing-error", "praise", "complaint", "training", "escalate"];

/** A database of an earlier release with many calls is changed for a while. */
async function whenReady(store: OpenStore): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      return await store.ping();
    } catch (error) {
      if (!(error instanceof RelayError && error.retryable) || tries === MOST_TRIES) throw error;
    }
  }
}

/** Fills a database that has no such calls yet, through the store as the relay does. */
export async function fillDatabase(
  url: string,
  calls: number,
  seed: number,
  progress: (text: string) => void,
): Promise<void> {
  const store = await openStore(url, (error) => {
    throw error;
  });
  try {
    await whenReady(store);
    if ((await store.find({ state: "ended" }, null, 1)).length > 0) {
      progress("the database has calls already: they are used as they are");
    } else {
      for (let from = 0; from < calls; from += CALLS_AT_ONCE) {
        const count = Math.min(CALLS_AT_ONCE, calls - from);
        const records = Array.from({ length: count }, (_, i) => historyCall(from + i, calls, seed));
        await store.save(
          records.map((record) => ({
            callSid: record.callSid,
            record,
            applied: {},
            basedOn: 0,
            owner: "bench",
          })),
        );
        if (from % 10_000 === 0) progress(`${from} calls stored`);
      }
    }
    await review(store, calls);
    for (let indexed = 0; ; ) {
      const { count } = await store.indexCalls(CALLS_AT_ONCE);
      if (count === 0) break;
      indexed += count;
      if (indexed % 10_000 === 0) progress(`${indexed} calls indexed`);
    }
  } finally {
    await store.close();
  }
}
