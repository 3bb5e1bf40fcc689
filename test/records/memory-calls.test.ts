import { describe, expect, it } from "vitest";
import type { CallSid } from "../../src/domain/ids.js";
import type { CallFilter } from "../../src/ports/store.js";
import { memoryCalls } from "../../src/records/memory-calls.js";
import { MemoryJournal } from "../../src/records/memory-journal.js";

const BEGAN_MS = Date.UTC(2026, 10, 21);
const sid = (n: number) => `CA${n}` as CallSid;

/** Five calls, one second apart, except the last two. The even ones have ended. */
function journal(): MemoryJournal {
  const calls = new MemoryJournal();
  for (const [n, atMs] of [0, 1_000, 2_000, 3_000, 3_000].entries()) {
    calls.write(sid(n), {
      type: "opened",
      epochMs: BEGAN_MS + atMs,
      agent: n < 2 ? "support" : "sales",
      direction: n === 1 ? "outbound" : "inbound",
      from: "+1555010",
      to: "+1555020",
      path: "media-stream",
      node: "a",
    });
    if (n % 2 === 0)
      calls.write(sid(n), { type: "ended", atMs: 1, outcome: "completed", reason: "done" });
  }
  return calls;
}

describe("calls in memory", () => {
  it("are listed newest first, page by page, as the database lists them", async () => {
    const store = memoryCalls(journal());
    const first = await store.find({}, null, 2);
    expect(first.map(({ callSid }) => callSid)).toEqual(["CA4", "CA3"]);
    const second = await store.find({}, first[1]!.cursor, 10);
    expect(second.map(({ callSid }) => callSid)).toEqual(["CA2", "CA1", "CA0"]);
    const between = await store.find({}, first[0]!.cursor, 1);
    expect(between.map(({ callSid }) => callSid)).toEqual(["CA3"]);
    const place = { value: BEGAN_MS + 3_000, callSid: "" as CallSid };
    const earlier = await store.find({}, place, 10);
    expect(earlier.map(({ callSid }) => callSid)).toEqual(["CA2", "CA1", "CA0"]);
  });

  it.each<[CallFilter, string[]]>([
    [{ state: "live" }, ["CA3", "CA1"]],
    [{ state: "ended", agent: "sales" }, ["CA4", "CA2"]],
    [{ outcome: "completed" }, ["CA4", "CA2", "CA0"]],
    [{ sinceMs: BEGAN_MS + 1_000, untilMs: BEGAN_MS + 3_000 }, ["CA2", "CA1"]],
    // The person who was called by an outbound call.
    [{ caller: "+1555020" }, ["CA1"]],
    [{ caller: "+1555010" }, ["CA4", "CA3", "CA2", "CA0"]],
  ])("fit %o", async (filter, sids) => {
    const found = await memoryCalls(journal()).find(filter, null, 10);
    expect(found.map(({ callSid }) => callSid)).toEqual(sids);
  });

  it("are loaded one by one, until they are removed", async () => {
    const calls = journal();
    const store = memoryCalls(calls);
    expect((await store.load(sid(1)))?.record.direction).toBe("outbound");
    const texts = await store.loadJson([sid(1), sid(9)]);
    expect([...texts]).toEqual([[sid(1), JSON.stringify(calls.record(sid(1)))]]);
    expect([calls.remove(sid(1)), calls.remove(sid(1))]).toEqual([true, false]);
    expect(await store.load(sid(1))).toBeNull();
  });
});
