import { describe, expect, it } from "vitest";
import type { ItemId } from "../../../../src/domain/ids.js";
import { CallerItems } from "../../../../src/relay/model/openai-realtime/caller-items.js";
import { UNREAD } from "../../../../src/relay/model/openai-realtime/unread-event.js";

const u1 = "u1" as ItemId;
const u2 = "u2" as ItemId;

/** A turn of the caller, as the server reports it. */
function turn(items: CallerItems, itemId: ItemId, startMs: number, endMs: number) {
  return [
    items.started(itemId, startMs),
    items.stopped(itemId, endMs),
    items.committed(itemId),
    items.transcribed(itemId),
  ];
}

describe("an event of a caller's item", () => {
  it("is acted on once, whenever it is repeated", () => {
    const items = new CallerItems();
    expect([items.started(u1, 0), items.started(u1, 0)]).toEqual([true, false]);
    expect([items.stopped(u1, 900), items.stopped(u1, 900)]).toEqual([true, false]);
    expect([items.committed(u1), items.committed(u1)]).toEqual(["turn", "repeated"]);
    expect([items.timedOut(u2), items.timedOut(u2)]).toEqual([true, false]);
    expect(turn(items, u2, 2_000, 2_900)).toEqual([true, true, "turn", true]);
    expect(turn(items, u1, 0, 900)).toEqual([false, false, "repeated", true]);
    expect(turn(items, u1, 0, 900)).toEqual([false, false, "repeated", false]);
  });

  it("may come after the commit, and begin no turn then", () => {
    const items = new CallerItems();
    expect(items.committed(u1)).toBe("turn");
    expect(items.started(u1, 0)).toBe(false);
    expect([items.stopped(u1, 900), items.stopped(u1, 950)]).toEqual([true, false]);
  });

  it("may report that speech goes on in the same item", () => {
    const items = new CallerItems();
    expect([items.started(u1, 0), items.stopped(u1, 900)]).toEqual([true, true]);
    expect([items.started(u1, 1_100), items.stopped(u1, 1_900)]).toEqual([true, true]);
  });

  it("is none of another item whose name could not be read either", () => {
    const items = new CallerItems();
    const unread = UNREAD as ItemId;
    for (let n = 0; n < 2; n++)
      expect(turn(items, unread, 0, 0)).toEqual([true, true, "turn", true]);
  });

  it("is forgotten after 32 more items", () => {
    const items = new CallerItems();
    for (let n = 0; n <= 32; n++) items.committed(`u${n}` as ItemId);
    expect(items.committed(u1)).toBe("repeated");
    expect(items.committed("u0" as ItemId)).toBe("turn");
  });
});

describe("speech whose end the server has not found", () => {
  it("is committed before the reply, once", () => {
    const items = new CallerItems();
    items.overruled();
    expect(items.isCommitDue).toBe(false);
    items.started(u1, 0);
    expect(items.isCommitDue).toBe(false);
    items.overruled();
    expect(items.isCommitDue).toBe(true);
    items.commitSent("commit-1");
    expect(items.isCommitDue).toBe(false);
    expect(items.committed(u2)).toBe("forced");
    // The speech goes on, and so there is something to commit before the next reply.
    items.overruled();
    expect(items.isCommitDue).toBe(true);
  });

  it("is not committed once the server has found its end", () => {
    const items = new CallerItems();
    items.started(u1, 0);
    items.overruled();
    items.stopped(u1, 900);
    expect(items.isCommitDue).toBe(false);
    items.overruled();
    expect(items.isCommitDue).toBe(false);
  });

  it("may be committed by the server at the same moment", () => {
    const items = new CallerItems();
    items.started(u1, 0);
    items.overruled();
    items.commitSent("commit-1");
    items.stopped(u1, 900);
    expect(items.committed(u1)).toBe("turn");
    expect(items.commitRefused(null)).toBe(false);
    expect(items.commitRefused("commit-2")).toBe(false);
    expect(items.commitRefused("commit-1")).toBe(true);
    expect(items.committed(u2)).toBe("turn");
  });
});
