import { describe, expect, it } from "vitest";
import { phrasesFor } from "../../src/transfer/phrases.js";

describe("what Twilio's voice says", () => {
  it.each([
    ["en", "en-US", "One moment please"],
    ["en-GB", "en-GB", "One moment please"],
    ["es", "es-ES", "Un momento"],
    ["es-MX", "es-MX", "Un momento"],
    ["es_MX", "es_MX", "Un momento"],
    ["FR", "fr-FR", "Un instant"],
    ["de-AT", "de-AT", "Einen Moment"],
  ])("in %s is spoken by a voice of %s", (language, voice, words) => {
    const phrases = phrasesFor(language);
    expect(phrases.language).toBe(voice);
    expect(phrases.moment).toContain(words);
  });

  it("is English, by an English voice, in a language that it does not know", () => {
    for (const language of ["ja", "ja-JP", ""]) {
      expect(phrasesFor(language)).toMatchObject({
        language: "en-US",
        thanks: "Thank you. Goodbye.",
      });
    }
  });

  it.each(["en", "es", "fr", "de"])("has words for the next in line in %s", (language) => {
    const { position } = phrasesFor(language);
    expect(position(1)).not.toBe(position(2));
    expect(position(2)).toContain("2");
  });
});
