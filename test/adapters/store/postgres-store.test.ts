/** What only PostgreSQL does: locks, connections and time limits. */
import pg from "pg";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { type OpenStore, openStore } from "../../../src/adapters/store/open-store.js";
import { MAX_TAGS } from "../../../src/domain/call-review.js";
import { ended, testSid } from "../../fakes/record-events.js";
import { call, indexAll, save } from "../../fakes/searched-calls.js";
import { storeKinds } from "../../fakes/stores.js";

const fail = (error: Error) => {
  throw error;
};

const kinds = storeKinds().filter(({ name }) => name === "postgres");

describe.each(kinds)("a store on $name", (kind) => {
  let url: string;
  let store: OpenStore;
  let other: pg.Client;

  if (kind.skipped !== null) {
    it.skip(`is not tested: ${kind.skipped}`, () => {});
    return;
  }

  beforeEach(async () => {
    url = await kind.newDatabase();
    store = await openStore(url, fail);
    other = new pg.Client(url);
    await other.connect();
  });
  afterEach(async () => {
    await other.end();
    await store.close();
  });
  afterAll(async () => await kind.dispose());

  it("saves calls while more searches and counts than it has connections wait", async () => {
    await other.query("begin; lock table call_search in access exclusive mode");
    const refused: unknown[] = [];
    const answers = Array.from({ length: 12 }, async (_, n) => {
      const answer = n % 2 === 0 ? store.count({}) : store.find({ text: "a" }, null, 1);
      await (answer as Promise<unknown>).catch((error: unknown) => refused.push(error));
    });
    expect(await store.save([save(call(1, [ended(1)]))])).toEqual(["saved"]);
    await store.ping();
    await expect.poll(() => refused.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(10);
    for (const error of refused)
      expect(error).toMatchObject({ code: "store_unavailable", retryable: true });
    await other.query("rollback");
    await Promise.all(answers);
    expect((await store.count({})).total).toBe(0);
    expect(await store.load(testSid(1))).not.toBeNull();
  });

  describe("with a call that another node changes", () => {
    const sid = testSid(1);
    const change = { by: "ada", epochMs: 1 };
    const tags = (name: string, count: number) =>
      Array.from({ length: count }, (_, n) => `${name}-${n}`);
    const waiting = async (count: number) =>
      await expect
        .poll(
          async () =>
            (
              await kind.query(
                url,
                `select pid from pg_stat_activity where wait_event_type = 'Lock'
                  and datname = current_database()`,
              )
            ).length,
        )
        .toBe(count);
    beforeEach(async () => {
      await store.save([save(call(1, [ended(1)]))]);
      await indexAll(store);
    });

    it("leaves no review of a call that is being removed", async () => {
      await other.query(`begin; delete from calls where call_sid = '${sid}'`);
      const outcome = store.changeReview(sid, { ...change, rating: 1, addTags: ["vip"] });
      await waiting(1);
      await other.query("commit");
      expect(await outcome).toBe("not_found");
      expect(await store.reviewsOf([sid])).toEqual(new Map());
    });

    it("keeps to the limits when two reviews come at once", async () => {
      await other.query(`begin; insert into call_reviews (call_sid) values ('${sid}')`);
      const half = MAX_TAGS / 2 + 1;
      const outcomes = Promise.all(
        ["a", "b"].map((name) => store.changeReview(sid, { ...change, addTags: tags(name, half) })),
      );
      await waiting(2);
      await other.query("commit");
      expect((await outcomes).toSorted()).toEqual(["changed", "full"]);
      expect((await store.reviewsOf([sid])).get(sid)?.tags).toHaveLength(half);
    });

    it.each(["commit", "rollback"])("indexes a call that is being removed: %s", async (end) => {
      await other.query(`begin; delete from calls where call_sid = '${sid}'`);
      await kind.execute(url, `insert into search_pending (call_sid) values ('${sid}')`);
      // Not waiting for its row: the removal may wait for what this transaction has.
      expect((await store.indexCalls(10)).count).toBe(1);
      await other.query(end);
      await indexAll(store);
      const isKept = end === "rollback";
      expect(await store.find({ sort: "duration" }, null, 9)).toHaveLength(isKept ? 1 : 0);
      expect(await kind.query(url, "select call_sid from search_pending")).toEqual([]);
      expect(await kind.query(url, "select call_sid from call_search")).toHaveLength(
        isKept ? 1 : 0,
      );
    });
  });

  it("leaves no connection open when it is closed", async () => {
    await Promise.all([store.ping(), store.count({}), store.find({ text: "a" }, null, 1)]);
    await store.close();
    const open = async () =>
      (
        await other.query(`select pid from pg_stat_activity
          where datname = current_database() and application_name = 'murelay'`)
      ).rows;
    await expect.poll(open).toEqual([]);
  });
});
