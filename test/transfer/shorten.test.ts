import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { renderTwiml } from "../../src/adapters/twilio/twiml-xml.js";
import { fitted, twimlChars } from "../../src/transfer/shorten.js";
import type { Twiml } from "../../src/wire/twiml.js";
import { anyCharacter } from "../fakes/any-character.js";

const say = (text: string): Twiml => [{ verb: "say", text, language: "en-US" }, { verb: "hangup" }];

describe("a document's length", () => {
  it("is never underrated, whatever has to be escaped", () => {
    fc.assert(
      fc.property(fc.string({ unit: anyCharacter, maxLength: 500 }), (text) => {
        const task: Twiml = [
          {
            verb: "enqueue",
            action: `https://x.example/?a=1&b=${Buffer.from(text).toString("base64url").slice(0, 40)}`,
            target: {
              type: "workflow",
              workflowSid: "WW1",
              attributes: { summary: text, reason: null },
              priority: 1,
            },
          },
        ];
        for (const twiml of [say(text), task]) {
          // The XML declaration and the root are counted by the budget.
          expect(renderTwiml(twiml).length).toBeLessThanOrEqual(twimlChars(twiml) + 100);
        }
      }),
    );
  });
});

describe("a text that has to fit", () => {
  it("stays as it is when it does", () => {
    expect(fitted("short", say)).toEqual(say("short"));
  });

  it("is cut as late as possible, visibly, and between characters", () => {
    const text = "🐒&".repeat(3_000);
    const [verb] = fitted(text, say);
    const words = verb?.verb === "say" ? verb.text : "";
    expect(words).toMatch(/^(🐒&)+🐒? …$/u);
    const rendered = renderTwiml(fitted(text, say)).length;
    expect(rendered).toBeLessThanOrEqual(4_000);
    expect(rendered).toBeGreaterThan(3_400);
  });
});
