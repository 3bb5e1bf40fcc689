import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ItemId } from "../../../src/domain/ids.js";
import { TranscriptProgress } from "../../../src/relay/call/transcript-progress.js";

const item = "i1" as ItemId;

describe("TranscriptProgress", () => {
  it("tells what there is once a second, the whole at the end, and never the same twice", () => {
    const texts = new TranscriptProgress();
    expect(texts.grew(item, "One ", 0, 0)).toBeNull();
    expect(texts.grew(item, "two ", 200, 999)).toBeNull();
    expect(texts.grew(item, "three ", 400, 1_000)).toEqual({
      type: "agent_text",
      itemId: item,
      text: "One two three ",
      complete: false,
    });
    expect(texts.grew(item, "four", 600, 1_999)).toBeNull();
    expect(texts.whole(item, "One two three four")).toMatchObject({
      text: "One two three four",
      complete: true,
    });
    expect(texts.heard(item, false)).toBeNull();
    expect([...texts.rest()]).toEqual([]);
  });

  it("tells how text and audio grew side by side, of an item that was cut off although all of it was there", () => {
    const texts = new TranscriptProgress();
    texts.grew(item, "One ", 0, 0);
    texts.grew(item, "two ", 200, 10);
    texts.grew(item, "three", 400, 20);
    expect(texts.whole(item, "One two three")).not.toHaveProperty("progress");
    expect(texts.heard(item, true)).toEqual({
      type: "agent_text",
      itemId: item,
      text: "One two three",
      complete: true,
      progress: [
        [4, 0],
        [8, 200],
        [13, 400],
      ],
    });
    expect(texts.heard(item, true)).toBeNull();
  });

  it("tells of an item that was cut what there is, and that its text may reach too far", () => {
    const texts = new TranscriptProgress();
    texts.grew(item, "One two", 0, 0);
    expect(texts.heard(item, true)).toMatchObject({ text: "One two", complete: false });
    // It trickles in after the clear, and moves no place.
    expect(texts.grew(item, " three", 9_000, 5_000)).toBeNull();
    expect(texts.whole(item, "One two three")).toMatchObject({
      text: "One two three",
      complete: false,
    });
  });

  it("knows that an item heard to its end was heard whole, although its last text never came", () => {
    const texts = new TranscriptProgress();
    texts.grew(item, "One two", 0, 0);
    expect(texts.heard(item, false)).toMatchObject({ text: "One two", complete: true });
  });

  it("has the rest ready when the call ends in the middle of a sentence", () => {
    const texts = new TranscriptProgress();
    texts.grew(item, "One", 0, 0);
    texts.grew("i2" as ItemId, "Two", 0, 0);
    expect([...texts.rest()].map(({ text, complete }) => [text, complete])).toEqual([
      ["One", false],
      ["Two", false],
    ]);
    expect([...texts.rest()]).toEqual([]);
  });

  it("keeps a bounded number of places, in order, of which the last is the newest text", () => {
    const delta = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 0, max: 900 }));
    fc.assert(
      fc.property(fc.array(delta, { minLength: 2, maxLength: 1_000 }), (deltas) => {
        const texts = new TranscriptProgress();
        let receivedMs = 0;
        for (const [chars, ms] of deltas) {
          texts.grew(item, "x".repeat(chars), receivedMs, 0);
          receivedMs += ms;
        }
        const total = deltas.reduce((sum, [chars]) => sum + chars, 0);
        const progress = texts.heard(item, true)?.progress ?? [];
        expect(progress.length).toBeLessThan(128);
        for (const [i, [chars, ms]] of progress.entries()) {
          if (i === 0) continue;
          expect(chars).toBeGreaterThan(progress[i - 1]![0]);
          expect(ms).toBeGreaterThan(progress[i - 1]![1]);
        }
        if (progress.length > 0) expect(progress.at(-1)![0]).toBe(total);
      }),
    );
  });

  it("forgets the oldest when texts without an end pile up", () => {
    const texts = new TranscriptProgress();
    for (let n = 0; n < 100; n++) texts.grew(`i${n}` as ItemId, "x", 0, 0);
    expect([...texts.rest()].length).toBe(32);
  });
});
