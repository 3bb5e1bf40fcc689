/** The thread that reads and writes records (`record-thread.ts`), as it is asked, on both databases. */
import { rmSync } from "node:fs";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { type OpenStore, openStore } from "../../../src/adapters/store/open-store.js";
import { RecordWriter } from "../../../src/adapters/store/record-writer.js";
import type { RecordsWanted } from "../../../src/ports/store.js";
import { testSid } from "../../fakes/record-events.js";
import { SEARCHED_CALLS, save } from "../../fakes/searched-calls.js";
import { storeKinds } from "../../fakes/stores.js";

const wanted = (numbers: readonly number[], changes: Partial<RecordsWanted> = {}) => ({
  callSids: numbers.map(testSid),
  form: "json" as const,
  masked: false,
  newer: new Map(),
  reviews: new Map(),
  ...changes,
});
const parsed = (text: Uint8Array): unknown => JSON.parse(`[${Buffer.from(text).toString()}]`);

describe.each(storeKinds())("records for answers on $name", (kind) => {
  if (kind.skipped !== null) {
    it.skip(`is not tested: ${kind.skipped}`, () => {});
    return;
  }
  let url: string;
  let store: OpenStore;
  beforeEach(async () => {
    url = await kind.newDatabase();
    store = await openStore(url, () => {});
    await store.save(SEARCHED_CALLS.map((record) => save(record)));
  });
  afterEach(async () => await store.close());
  afterAll(async () => await kind.dispose());

  it("are read and written apart, in the order in which they were asked for", async () => {
    const { text, count } = await store.writeRecords(wanted([3, 99, 1]));
    expect(parsed(text)).toEqual([SEARCHED_CALLS[2], SEARCHED_CALLS[0]]);
    expect(count).toBe(2);
    const many = await Promise.all(
      Array.from({ length: 40 }, async (_, n) => await store.writeRecords(wanted([(n % 6) + 1]))),
    );
    expect(many.flatMap(({ text }) => parsed(text))).toEqual(
      Array.from({ length: 40 }, (_, n) => SEARCHED_CALLS[n % 6]),
    );
  });

  it("are those that were saved last, and newer ones that were given", async () => {
    await store.writeRecords(wanted([1]));
    await store.remove(testSid(1));
    const newer = new Map([[testSid(2), '{"newer":true}']]);
    const { text } = await store.writeRecords(wanted([1, 2], { newer }));
    expect(parsed(text)).toEqual([{ newer: true }]);
  });

  it("are refused once the store is closed, also those that wait", async () => {
    const last = store.writeRecords(wanted([1])).then(
      () => "written",
      () => "refused",
    );
    await store.close();
    expect(await last).toBe("refused");
    await expect(store.writeRecords(wanted([1]))).rejects.toMatchObject({
      code: "store_unavailable",
    });
  });

  it("fail with the database's error, and are read again afterwards", async () => {
    await store.writeRecords(wanted([1]));
    await kind.execute(url, "alter table calls rename to elsewhere");
    await expect(store.writeRecords(wanted([1]))).rejects.toMatchObject({ code: "internal" });
    await kind.execute(url, "alter table elsewhere rename to calls");
    expect((await store.writeRecords(wanted([1]))).count).toBe(1);
  });

  it("fail when their database is not there", async () => {
    const source =
      kind.name === "sqlite" ? { path: "/nonexistent/a.db" } : { url: "postgres://x@127.0.0.1:9" };
    const writer = new RecordWriter(source, async (_, work) => await work());
    await expect(writer.writeRecords(wanted([1]))).rejects.toThrow();
    await writer.close();
  });

  if (kind.name === "sqlite")
    it("come from the new file once the old one was replaced", async () => {
      await store.writeRecords(wanted([1]));
      rmSync(url.replace("sqlite:", ""));
      await expect
        .poll(
          async () =>
            await store.ping().then(
              () => true,
              () => false,
            ),
        )
        .toBe(true);
      await store.save([save(SEARCHED_CALLS[1]!)]);
      const { text } = await store.writeRecords(wanted([1, 2]));
      expect(parsed(text)).toEqual([SEARCHED_CALLS[1]]);
    });
});
