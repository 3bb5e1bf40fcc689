/** What only PostgreSQL does: locks, connections and time limits. */
import pg from "pg";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { type OpenStore, openStore } from "../../../src/adapters/store/open-store.js";
import { ended, testSid } from "../../fakes/record-events.js";
import { call, save } from "../../fakes/searched-calls.js";
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
