import { afterAll, describe, expect, it } from "vitest";
import { openStore } from "../../../src/adapters/store/open-store.js";
import { wordPairs } from "../../../src/adapters/store/word-pairs.js";
import { ended } from "../../fakes/record-events.js";
import { call, indexAll, numberOf, save, says } from "../../fakes/searched-calls.js";
import { storeKinds } from "../../fakes/stores.js";

describe("pairs of words", () => {
  it("stand for each two words that follow each other, once, and are no words", () => {
    const pairs = wordPairs(["order", "is", "late", "order", "is"]);
    expect(pairs).toHaveLength(3);
    for (const pair of pairs) expect(pair).toMatch(/^_[0-9a-z]{1,3}$/);
    expect(wordPairs(["is", "order"])).not.toEqual(wordPairs(["order", "is"]));
    expect(wordPairs(["or", "deris"])).not.toEqual(wordPairs(["order", "is"]));
    expect([wordPairs(["one"]), wordPairs([])]).toEqual([[], []]);
  });

  it("have few texts, spread evenly", () => {
    const words = Array.from({ length: 100_000 }, (_, n) => `w${n}`);
    const texts = wordPairs(words).length;
    expect(texts).toBeLessThanOrEqual(36 ** 3);
    // Thrown at random, 100,000 pairs would have 88 % of the texts.
    expect(texts / 36 ** 3).toBeGreaterThan(0.86);
    expect(wordPairs(words.slice(0, 251)).length).toBeGreaterThan(245);
  });
});

describe.each(storeKinds().filter(({ name }) => name === "postgres"))("on $name", (kind) => {
  if (kind.skipped !== null) {
    it.skip(`is not tested: ${kind.skipped}`, () => {});
    return;
  }
  afterAll(async () => await kind.dispose());

  it("tell the calls with a phrase from those that only have its words", async () => {
    const url = await kind.newDatabase();
    const store = await openStore(url, () => {});
    const said = ["my order is late", "late is my order", "Où est l'été", "東京タワー"];
    await store.save(said.map((text, n) => save(call(n + 1, [says(text), ended(1)]))));
    await indexAll(store);
    const [pair] = wordPairs(["is", "late"]);
    const having = (query: string) =>
      kind.query(
        url,
        `select call_sid from call_search where words @@ cast('${query}' as tsquery)`,
      );
    expect(await having("is & late")).toHaveLength(2);
    expect(await having(pair ?? "")).toHaveLength(1);
    for (const [text, numbers] of [
      ['"order is late"', [1]],
      ['"is my"', [2]],
      ['"est l ete"', [3]],
      ["京タ", [4]],
      ["東京 タワ", [4]],
      ["my-ord", [2, 1]],
      ["is-lat", [1]],
    ] as const) {
      const found = await store.find({ text }, null, 9);
      expect([text, found.map(numberOf)]).toEqual([text, numbers]);
      expect([text, (await store.count({ text })).total]).toEqual([text, numbers.length]);
    }
    await store.close();
  });
});
