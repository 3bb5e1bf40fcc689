import { describe, expect, it } from "vitest";
import { linesOf, parseTranscription } from "../../../src/adapters/openai/transcription-answer.js";

describe("the answer to a transcription", () => {
  it("is read with its words, segments and usage", () => {
    const answer = {
      text: "Hello.",
      words: [{ word: "Hello", start: 0, end: 0.5 }, { word: "no time" }, null],
      segments: [{ id: 0, text: " Hello.", start: 0, end: 0.5 }],
      usage: { total_tokens: 7 },
      duration: 2,
    };
    expect(parseTranscription(JSON.stringify(answer))).toEqual({
      text: "Hello.",
      words: [{ text: "Hello", start: 0, end: 0.5 }],
      segments: [{ text: " Hello.", start: 0, end: 0.5 }],
      tokens: 7,
      seconds: 2,
    });
  });

  it.each(["<html>", "[]", "{}", '{"text":1}'])("is refused when it is %s", (json) => {
    expect(() => parseTranscription(json)).toThrow(
      expect.objectContaining({ code: "wire_invalid" }),
    );
  });
});

describe("the lines of a transcript", () => {
  const said = (who: "caller" | "agent" | "unknown", word: string, startMs: number) => ({
    who,
    word,
    startMs,
    endMs: startMs + 300,
  });

  it("join what one speaker says without a pause of two seconds", () => {
    expect(
      linesOf([
        said("caller", " Hello", 0),
        said("caller", "there", 2_299),
        said("caller", "again", 4_599),
        said("agent", "Hi", 4_700),
      ]),
    ).toBe("caller: Hello there\ncaller: again\nagent: Hi");
  });

  it("name no speaker who is not known", () => {
    expect(linesOf([said("unknown", "Hello", 0)])).toBe("Hello");
  });
});
