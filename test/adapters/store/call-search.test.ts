import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { type OpenStore, openStore } from "../../../src/adapters/store/open-store.js";
import type { CallCursor, CallQuery } from "../../../src/ports/store.js";
import { memoryCalls } from "../../../src/records/memory-calls.js";
import { BEGAN_MS, testSid } from "../../fakes/record-events.js";
import { indexAll, numberOf, SEARCHED_CALLS, save } from "../../fakes/searched-calls.js";
import { storedRecords } from "../../fakes/stored-records.js";
import { storeKinds } from "../../fakes/stores.js";

const fail = (error: Error) => {
  throw error;
};
/** What is wanted, and the numbers of the calls that have it. */
const QUERIES: readonly (readonly [CallQuery, readonly number[]])[] = [
  [{ text: "ORDER late" }, [1]],
  [{ text: "monk" }, [3, 2]],
  [{ text: '"monkey business"' }, [2]],
  [{ text: '"monkey busi"' }, []],
  [{ text: "monkey banana" }, [2]],
  [{ text: "it's" }, [1]],
  [{ text: "ete zurich" }, [4]],
  [{ text: "京タ" }, [5]],
  [{ text: "and or not near" }, []],
  [{ text: "' \" \\ : & | ! ( ) * ^" }, []],
  [{ text: "  " }, [6, 5, 4, 3, 2, 1]],
  [{ text: "1003" }, [3]],
  [{ text: "+1 555 000-1002" }, [2]],
  [{ text: testSid(4) }, [4]],
  [{ text: `CA${"0".repeat(20)}` }, [5, 4, 3, 2, 1]],
  [{ endReason: "lost_stream" }, [4]],
  [{ destination: "billing" }, [5]],
  [{ minLatencyMs: 900 }, [3, 1]],
  [{ minLatencyMs: 900.5 }, [3]],
  [{ minDurationMs: 30_000 }, [5, 2]],
  [{ minCostUsd: 0.2 }, [2]],
  [{ interrupted: true }, [3]],
  [{ interrupted: false, toolFailed: false }, [5, 4, 1]],
  [{ toolFailed: true }, [2]],
  [{ text: "bananas", state: "live" }, []],
  [{ text: "business", agent: "support", sinceMs: BEGAN_MS + 3_000 }, [3]],
  [{ text: "business", untilMs: BEGAN_MS + 3_000, outcome: "completed" }, [2]],
  [{ text: "order", caller: "+15550001001" }, [1]],
  [{ sort: "duration" }, [2, 5, 1, 3, 4]],
  [{ sort: "latency" }, [3, 1, 5, 4, 2]],
  [{ sort: "cost" }, [2, 5, 4, 3, 1]],
  [{ sort: "interruptions" }, [3, 5, 4, 2, 1]],
  [{ sort: "started", state: "ended" }, [5, 4, 3, 2, 1]],
];
describe("a search over calls in memory", () => {
  const records = new Map(SEARCHED_CALLS.map((record) => [record.callSid, record]));
  const store = memoryCalls({
    record: (callSid) => records.get(callSid) ?? null,
    records: () => [...SEARCHED_CALLS],
  });
  it.each(QUERIES)("finds by %j", async (query, numbers) => {
    expect((await store.find(query, null, 10)).map(numberOf)).toEqual(numbers);
  });
});

describe.each(storeKinds())("a search over calls on $name", (kind) => {
  let url: string;
  let store: OpenStore;
  const found = async (query: CallQuery, after: CallCursor | null = null) =>
    (await store.find(query, after, 10)).map(numberOf);

  if (kind.skipped !== null) {
    it.skip(`is not tested: ${kind.skipped}`, () => {});
    return;
  }

  beforeEach(async () => {
    url = await kind.newDatabase();
    store = await openStore(url, fail);
    await store.save(SEARCHED_CALLS.map((record) => save(record)));
  });
  afterEach(async () => await store.close());
  afterAll(async () => await kind.dispose());

  it("finds what a search in memory finds", async () => {
    await indexAll(store);
    for (const [query, numbers] of QUERIES)
      expect([query, await found(query)]).toEqual([query, numbers]);
  });

  it("finds page by page, also when several calls have the same value", async () => {
    await indexAll(store);
    for (const [query, numbers] of QUERIES) {
      const pages = await storedRecords(store, query, 1);
      expect([query, pages.map(numberOf)]).toEqual([query, numbers]);
    }
    // As the `next` of a list in another order.
    const place = { value: 0.5, callSid: testSid(1) };
    expect(await found({ sort: "latency" }, place)).toEqual([5, 4, 2]);
  });
});
