import { describe, expect, it } from "vitest";
import type { CallRecord } from "../../src/domain/call-record.js";
import type { CallSid } from "../../src/domain/ids.js";
import { readCursor } from "../../src/http/record-query.js";
import { findCalls, readRecords } from "../../src/http/record-reader.js";
import type { CallStore } from "../../src/ports/store.js";
import { emptyRecord } from "../../src/records/record.js";
import { writtenRecords } from "../../src/records/record-texts.js";
import { testSid } from "../fakes/record-events.js";

/** `count` calls of `bytes` each, newest first; notes what is read. */
function bench(count: number, bytes: number) {
  const sids = Array.from({ length: count }, (_, n) => testSid(n));
  const pages: number[] = [];
  const slices: number[] = [];
  const live = new Map<CallSid, CallRecord>();
  const deleted = new Set<CallSid>();
  const store: Pick<CallStore, "find" | "writeRecords"> = {
    find: async (_query, after, limit) => {
      pages.push(limit);
      const from = after === null ? 0 : sids.indexOf(after.callSid) + 1;
      return sids
        .slice(from, from + limit)
        .map((callSid) => ({ callSid, bytes, cursor: { value: 1, callSid } }));
    },
    writeRecords: async (wanted) => {
      slices.push(wanted.callSids.length);
      const stored = wanted.callSids.filter((callSid) => !deleted.has(callSid));
      return writtenRecords(wanted, new Map(stored.map((callSid) => [callSid, `"${callSid}"`])));
    },
  };
  return {
    sids,
    pages,
    slices,
    live,
    deleted,
    parts: { store, live: (callSid: CallSid) => live.get(callSid) ?? null },
  };
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}
const texts = (items: readonly (Uint8Array | string)[]) =>
  items.flatMap((item) =>
    typeof item === "string" ? ["next"] : JSON.parse(`[${Buffer.from(item).toString()}]`),
  );
const JSON_TEXT = { form: "json", masked: false } as const;

describe("records for an answer", () => {
  it("are read as many at once as have 32 KB", async () => {
    const { parts, slices, sids } = bench(20, 10_000);
    expect(texts(await all(readRecords(parts, {}, null, 50, JSON_TEXT)))).toEqual(sids);
    expect(slices).toEqual([3, 3, 3, 3, 3, 3, 2]);
  });

  it("are read by one reader in each turn of the event loop, however many there are", async () => {
    let turn = 0;
    let counting = true;
    const count = (): void => {
      turn++;
      if (counting) setImmediate(count);
    };
    setImmediate(count);
    const turns: number[] = [];
    const readers = Array.from({ length: 5 }, () => {
      const { parts } = bench(12, 31_000);
      const writeRecords: CallStore["writeRecords"] = (wanted) => {
        turns.push(turn);
        return parts.store.writeRecords(wanted);
      };
      const store = { ...parts.store, writeRecords };
      return all(readRecords({ ...parts, store }, {}, null, 50, JSON_TEXT));
    });
    await Promise.all(readers);
    counting = false;
    expect(turns).toHaveLength(5 * 12);
    expect(new Set(turns).size).toBe(turns.length);
  });

  it("are read 50 at once where they are short, and alone where they are long", async () => {
    const short = bench(120, 10);
    await all(readRecords(short.parts, {}, null, 500, JSON_TEXT));
    expect(short.slices).toEqual([50, 50, 20]);
    const long = bench(2, 1_000_000);
    await all(readRecords(long.parts, {}, null, 500, JSON_TEXT));
    expect(long.slices).toEqual([1, 1]);
  });

  it("end at the limit, with the place where the next answer begins", async () => {
    const { parts, pages, sids } = bench(3, 10);
    const items = await all(readRecords(parts, {}, null, 2, JSON_TEXT));
    expect(texts(items)).toEqual([sids[0], sids[1], "next"]);
    expect(items).toHaveLength(2);
    expect(pages).toEqual([3]);
    const next = readCursor(new URLSearchParams(`before=${items[1]}`));
    expect(texts(await all(readRecords(parts, {}, next, 2, JSON_TEXT)))).toEqual([sids[2]]);
    expect(texts(await all(readRecords(parts, {}, null, 3, JSON_TEXT)))).toEqual(sids);
  });

  it("are those of this process where it knows better, without those deleted meanwhile", async () => {
    const { parts, live, deleted, sids } = bench(3, 10);
    const newer = emptyRecord(sids[1]!);
    live.set(sids[1]!, newer);
    deleted.add(sids[0]!);
    expect(texts(await all(readRecords(parts, {}, null, 9, JSON_TEXT)))).toEqual([newer, sids[2]]);
  });
});

describe("found calls", () => {
  it("come page by page until none are left", async () => {
    const { parts, sids } = bench(250, 10);
    const pages = await all(findCalls(parts, {}, null));
    expect(pages.map((page) => page.length)).toEqual([100, 100, 50]);
    expect(pages.flat().map(({ callSid }) => callSid)).toEqual(sids);
  });
});
