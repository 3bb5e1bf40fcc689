import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { heardText, type ProgressPoint } from "../../src/records/heard-text.js";
import { mulberry32, speaker, wordCount, wordsHeard } from "../fakes/speaker.js";

const even = { complete: true, progress: [], weightPerMs: null } as const;

describe("heardText", () => {
  it.each([
    [0, ""],
    [240, ""],
    [260, "one"],
    [740, "one"],
    [760, "one two"],
    [1_999, "one two six ten"],
    [2_000, "one two six ten"],
    [9_999, "one two six ten"],
  ])("after %i of 2000 ms: %j", (heardMs, heard) => {
    expect(heardText({ ...even, text: "one two six ten", heardMs, receivedMs: 2_000 })).toBe(heard);
  });

  it("is empty for a text without audio, and for audio without text", () => {
    expect(heardText({ ...even, text: "one", heardMs: 10, receivedMs: 0 })).toBe("");
    expect(heardText({ ...even, text: "", heardMs: 10, receivedMs: 10 })).toBe("");
  });

  it("cuts scripts without spaces by character", () => {
    expect(heardText({ ...even, text: "你好世界", heardMs: 500, receivedMs: 1_000 })).toBe("你好");
  });

  it("is a beginning of the text, ends with a whole word, and grows with what was played", () => {
    const word = fc.stringMatching(/^[a-z]{1,9}[.,]?$/);
    fc.assert(
      fc.property(
        fc.array(word, { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 0, max: 10_000 }),
        fc.integer({ min: 0, max: 10_000 }),
        fc.integer({ min: 1, max: 10_000 }),
        (words, a, b, receivedMs) => {
          const text = words.join(" ");
          const [less, more] = [Math.min(a, b), Math.max(a, b)].map((heardMs) =>
            heardText({ ...even, text, heardMs, receivedMs }),
          ) as [string, string];
          expect(text.startsWith(more)).toBe(true);
          expect(more.startsWith(less)).toBe(true);
          if (more !== "" && more !== text) expect(text[more.length]).toBe(" ");
        },
      ),
    );
  });
});

describe("heardText against a speaker whose word times are known", () => {
  const interruptions = Array.from({ length: 200 }, (_, i) => i);

  it.each([
    ["text and audio generated side by side", "interleaved"],
    ["the whole text before the audio", "ahead"],
    ["cut off while text and audio came side by side", "cut"],
  ])("is within one word of 200 random interruptions: %s", (_, how) => {
    const misses: string[] = [];
    for (const seed of interruptions) {
      const random = mulberry32(seed + 1);
      const words = speaker(random);
      const upTo =
        how === "cut"
          ? Math.max(4, Math.floor(words.length * (0.4 + random() * 0.6)))
          : words.length;
      const spoken = words.slice(0, upTo);
      const receivedMs = spoken.at(-1)!.endMs;
      const text = spoken.map((word) => word.text).join(" ");
      const progress: ProgressPoint[] = [];
      let chars = 0;
      for (const [i, word] of spoken.entries()) {
        chars += word.text.length + (i === 0 ? 0 : 1);
        progress.push([chars, how === "ahead" ? 0 : (spoken[i - 1]?.endMs ?? 0)]);
      }
      const heardMs = random() * receivedMs;
      const heard = heardText({
        text,
        heardMs,
        receivedMs,
        complete: how !== "cut",
        progress,
        weightPerMs: null,
      });
      const [truth, said] = [wordsHeard(spoken, heardMs), wordCount(heard)];
      if (Math.abs(said - truth) > 1) misses.push(`seed ${seed}: ${said} of ${truth} words`);
    }
    expect(misses).toEqual([]);
  });
});
