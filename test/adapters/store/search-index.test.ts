import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { type OpenStore, openStore } from "../../../src/adapters/store/open-store.js";
import type { CallQuery } from "../../../src/ports/store.js";
import { ended, testSid } from "../../fakes/record-events.js";
import {
  call,
  indexAll,
  numberOf,
  SEARCHED_CALLS,
  save,
  says,
} from "../../fakes/searched-calls.js";
import { storedRecords } from "../../fakes/stored-records.js";
import { storeKinds } from "../../fakes/stores.js";

const fail = (error: Error) => {
  throw error;
};

describe.each(storeKinds())("the index of ended calls on $name", (kind) => {
  let url: string;
  let store: OpenStore;
  const found = async (query: CallQuery) => (await store.find(query, null, 10)).map(numberOf);

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

  it("finds a call once it is indexed, and again as it is after a change", async () => {
    expect(await found({ text: "bananas" })).toEqual([]);
    expect(await store.indexCalls(10)).toEqual({ count: 5, unreadable: [] });
    expect(await store.indexCalls(10)).toEqual({ count: 0, unreadable: [] });
    expect(await found({ text: "bananas" })).toEqual([2]);
    await store.save([
      save(call(2, [says("Apples"), ended(1)]), 1),
      save(call(6, [says("Bananas"), ended(1)]), 1),
    ]);
    await indexAll(store);
    expect(await found({ text: "bananas" })).toEqual([6]);
    expect(await found({ text: "apples" })).toEqual([2]);
  });

  it("finds no call that was deleted, indexed or not", async () => {
    await store.remove(testSid(1));
    await indexAll(store);
    await store.remove(testSid(2));
    expect(await found({ sort: "duration" })).toEqual([5, 3, 4]);
    expect(await found({ text: "bananas" })).toEqual([]);
    const rows = await kind.query(url, "select call_sid from search_pending");
    expect(rows).toEqual([]);
    if (kind.name === "sqlite")
      expect(await kind.query(url, "select rowid from call_words")).toHaveLength(3);
  });

  it("finds calls that a node of an earlier release saves and changes", async () => {
    await indexAll(store);
    const json = JSON.stringify(call(7, [says("Old news"), ended(1)]));
    await kind.execute(
      url,
      `insert into calls (call_sid, version, owner, state, direction, started_ms, record, applied)
        values ('${testSid(7)}', 1, 'old', 'ended', 'inbound', 7, '${json}', '{}')`,
    );
    await indexAll(store);
    expect(await found({ text: "news" })).toEqual([7]);
    const newer = json.replace("Old news", "Stale bread");
    await kind.execute(
      url,
      `update calls set record = '${newer}', version = 2 where call_sid = '${testSid(7)}'`,
    );
    await indexAll(store);
    expect([await found({ text: "news" }), await found({ text: "bread" })]).toEqual([[], [7]]);
  });

  it("finds the calls that were stored before there was a search", async () => {
    const index =
      kind.name === "sqlite"
        ? ["drop table call_words"]
        : [
            "drop trigger calls_changed on calls",
            "drop trigger calls_removed on calls",
            "drop function murelay_call_changed",
            "drop function murelay_call_removed",
          ];
    const triggers = ["inserted", "updated", "removed"].map((name) => `drop trigger calls_${name}`);
    const reviews = [
      ...(kind.name === "sqlite"
        ? ["drop trigger call_review_removed"]
        : [
            "drop trigger call_review_removed on calls",
            "drop function murelay_call_review_removed",
          ]),
      ...["reviews", "tags", "notes"].map((name) => `drop table call_${name}`),
      ...["calls_by_age", "calls_by_caller", "calls_by_agent", "calls_by_outcome"].map(
        (name) => `drop index ${name}`,
      ),
      ...["audit_by_operator", "audit_by_action"].map((name) => `drop index ${name}`),
    ];
    const undo = [
      ...reviews,
      ...(kind.name === "sqlite" ? triggers : []),
      ...index,
      "drop table call_search",
      "drop table search_pending",
      "delete from murelay_migrations where name in ('0005-search', '0007-reviews', '0008-counts')",
    ];
    await store.close();
    await kind.execute(url, undo.join(";"));
    store = await openStore(url, fail);
    expect(await found({ state: "ended" })).toEqual([5, 4, 3, 2, 1]);
    await indexAll(store);
    expect(await found({ text: "business" })).toEqual([3, 2]);
  });

  it("leaves out a record that cannot be read, and indexes the others", async () => {
    await kind.execute(url, `update calls set record = '{}' where call_sid = '${testSid(1)}'`);
    expect((await store.indexCalls(10)).unreadable).toEqual([testSid(1)]);
    expect(await found({ sort: "duration" })).toEqual([2, 5, 3, 4]);
  });

  it("does not come back to a record that cannot be read, nor to one that cannot be stored", async () => {
    await indexAll(store);
    const spoil = async (n: number, change: string) =>
      await kind.execute(url, `update calls set ${change} where call_sid = '${testSid(n)}'`);
    await spoil(1, "record = '{}'");
    await spoil(2, `record = replace(record, '"startedAt":"2', '"startedAt":"x2')`);
    await kind.execute(url, "update call_search set rules = 0");
    const { count, unreadable } = await store.indexCalls(10);
    expect([count, unreadable.toSorted()]).toEqual([2, [testSid(1), testSid(2)]]);
    // The others, of which the rules may have changed.
    expect(await store.indexCalls(10)).toEqual({ count: 3, unreadable: [] });
    expect(await store.indexCalls(10)).toEqual({ count: 0, unreadable: [] });
    expect(await found({ text: "bananas" })).toEqual([2]);
  });

  it("forgets a row whose call is gone", async () => {
    await indexAll(store);
    await kind.execute(
      url,
      `insert into search_pending (call_sid) values ('${testSid(9)}');
        update call_search set call_sid = '${testSid(9)}' where call_sid = '${testSid(2)}'`,
    );
    expect(await store.indexCalls(10)).toEqual({ count: 1, unreadable: [] });
    expect(await found({ text: "bananas" })).toEqual([]);
    expect(await kind.query(url, "select call_sid from call_search")).toHaveLength(4);
    if (kind.name === "sqlite")
      expect(await kind.query(url, "select rowid from call_words")).toHaveLength(4);
  });

  it("is indexed by several processes at once, each call once", async () => {
    const others = await Promise.all([1, 2, 3].map(async () => await openStore(url, fail)));
    const many = Array.from({ length: 60 }, (_, n) =>
      save(call(100 + n, [says("Many"), ended(1)])),
    );
    await store.save(many);
    const counts = await Promise.all(
      others.map(async (other) => {
        let sum = 0;
        for (let count = 1; count > 0; sum += count) ({ count } = await other.indexCalls(1));
        return sum;
      }),
    );
    expect(counts.reduce((sum, count) => sum + count)).toBe(65);
    expect(await storedRecords(store, { text: "many" })).toHaveLength(60);
    for (const other of others) await other.close();
  });
});
