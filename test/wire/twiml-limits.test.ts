import { describe, expect, it } from "vitest";
import { renderTwiml } from "../../src/adapters/twilio/twiml-xml.js";
import type { Twiml } from "../../src/wire/twiml.js";
import { fittedParameters, renderWithin, withShortSpeech } from "../../src/wire/twiml-limits.js";

describe("parameters of a stream", () => {
  it("keep what fits, and lose what is beyond Twilio's 500 characters of name and value", () => {
    const fitted = fittedParameters({ token: "t", from: `sip:${"a".repeat(600)}@b.example` });
    expect(fitted.token).toBe("t");
    expect("from".length + fitted.from.length).toBe(499);
    expect(fittedParameters(fitted)).toEqual(fitted);
  });
});

const farewell = (text: string): Twiml => [
  { verb: "say", text },
  {
    verb: "gather",
    action: "https://x.example/",
    numDigits: 1,
    timeoutS: 8,
    prompts: [{ text }, { text: "Press 1." }],
  },
  { verb: "hangup" },
];

describe("spoken texts", () => {
  it("are cut wherever they are said, and nothing else is", () => {
    const [say, gather, hangup] = withShortSpeech(farewell("abcdefghij"), 8);
    expect(say).toMatchObject({ text: "abcdefg…" });
    expect(gather).toMatchObject({ prompts: [{ text: "abcdefg…" }, { text: "Press 1." }] });
    expect(hangup).toEqual({ verb: "hangup" });
  });
});

describe("a document within a limit", () => {
  it("is as it was when it fits", () => {
    const twiml = farewell("Goodbye.");
    expect(renderWithin(twiml, 4_000, renderTwiml)).toBe(renderTwiml(twiml));
  });

  it.each([["x"], ["&"], ["🐒"], ['"'], ["\u0001"]])(
    "says as much as the limit allows of %j",
    (unit) => {
      const text = renderWithin(farewell(unit.repeat(4_000)), 4_000, renderTwiml) ?? "";
      expect(text.length).toBeGreaterThan(unit === "\u0001" ? 0 : 3_980);
      expect(text.length).toBeLessThanOrEqual(4_000);
    },
  );

  it("is none when it is too long without a word", () => {
    const twiml: Twiml = [{ verb: "redirect", url: `https://x.example/${"a".repeat(5_000)}` }];
    expect(renderWithin(twiml, 4_000, renderTwiml)).toBeNull();
  });
});
