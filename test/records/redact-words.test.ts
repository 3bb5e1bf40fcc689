import { describe, expect, it } from "vitest";
import { createRedact } from "../../src/records/redact.js";
import { redactWords } from "../../src/records/redact-words.js";

const cards = createRedact({ cardNumbers: true, patterns: [] });

describe("redactWords", () => {
  it("masks every word of a card number that is spoken in several words, and no other", () => {
    const words = ["It", "is", "4242", "4242", "4242", "4242", "thank", "you"].map((word, i) => ({
      who: i === 1 ? ("agent" as const) : ("caller" as const),
      word,
      startMs: i,
      endMs: i + 1,
    }));
    expect(redactWords(words, cards).map((word) => word.word)).toEqual([
      "It",
      "is",
      ...Array.from({ length: 4 }, () => "[redacted]"),
      "thank",
      "you",
    ]);
  });
});
