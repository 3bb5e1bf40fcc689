import { describe, expect, it } from "vitest";
import { parseSearch, searchableWords } from "../../src/records/search-words.js";

describe("the words of a text", () => {
  it.each([
    ["It's order #4217, Zoë!", "it s order 4217 zoe"],
    ["Straße und ÉTÉ", "straße und ete"],
    ["snake_case user@example.com", "snake case user example com"],
    ["東京タワー 2026", "東 京 タ ワ ー 2026"],
    ["ﬁne １２", "fine 12"],
    ["— … \u0000 \ud800", ""],
  ])("of %s are %s", (text, words) => {
    expect(searchableWords(text).join(" ")).toBe(words);
  });

  it("have at most 64 characters", () => {
    expect(searchableWords("a".repeat(1_000))).toEqual(["a".repeat(64)]);
  });
});

describe("a search", () => {
  it("is of words that may go on, and of exact phrases", () => {
    expect(parseSearch(' Blue "Monkey  Business" user@example "open').terms).toEqual([
      { words: ["blue"], isPrefix: true },
      { words: ["monkey", "business"], isPrefix: false },
      { words: ["user", "example"], isPrefix: true },
      { words: ["open"], isPrefix: false },
    ]);
  });

  it.each(["CA12ab", ` CA${"0".repeat(32)} `, "rtc_u1_9C6rt"])("of %s is of a call", (text) => {
    expect(parseSearch(text)).toEqual({ terms: [], callSid: text.trim(), digits: null });
  });

  it.each([
    ["+1 (555) 000-1111", "15550001111"],
    ["0001111", "0001111"],
    ["42", null],
    ["order 4217", null],
    ["cafe", null],
  ])("of %s looks for %s in numbers", (text, digits) => {
    expect(parseSearch(text)).toMatchObject({ callSid: null, digits });
    expect(parseSearch(text).terms).not.toEqual([]);
  });

  it("takes single letters for words", () => {
    expect(parseSearch("vitamin c").terms.map(({ isPrefix }) => isPrefix)).toEqual([true, false]);
  });

  it("has at most 16 terms", () => {
    expect(parseSearch("a ".repeat(50)).terms).toHaveLength(16);
    expect(parseSearch("?! \u0000").terms).toEqual([]);
  });
});
