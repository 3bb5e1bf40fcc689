import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRedact } from "../../src/records/redact.js";

const cards = createRedact({ cardNumbers: true, patterns: [] });

describe("createRedact", () => {
  it.each([
    // Test numbers that the card networks publish.
    ["4242 4242 4242 4242", "[card]"],
    ["It is 5555-5555-5555-4444, thanks", "It is [card], thanks"],
    ["378282246310005", "[card]"],
    ["my card 4000056655665556 12 27", "my card [card] 12 27"],
    ["4, 2, 4, 2, 4, 2, 4, 2, 4, 2, 4, 2, 4, 2, 4, 2", "[card]"],
    ["order 17 4242424242424242", "order 17 [card]"],
    ["two: 4242424242424242 5555555555554444", "two: [card] [card]"],
    // One digit off, too short, and a phone number.
    ["4242 4242 4242 4243", "4242 4242 4242 4243"],
    ["4242 4242 4242", "4242 4242 4242"],
    ["call +15550001111 now", "call +15550001111 now"],
  ])("%j becomes %j", (text, clean) => {
    expect(cards(text)).toBe(clean);
  });

  it("masks what the agents file's own patterns match", () => {
    const redact = createRedact({
      cardNumbers: false,
      patterns: ["\\b\\d{3}-\\d{2}-\\d{4}\\b", "secret \\w+"],
    });
    expect(redact("078-05-1120 and 078-05-1121, Secret sauce, 4242424242424242")).toBe(
      "[redacted] and [redacted], [redacted], 4242424242424242",
    );
  });

  it("masks a card number whatever surrounds it", () => {
    const around = fc.string({ maxLength: 20 }).map((text) => text.replace(/\d/g, "x"));
    fc.assert(
      fc.property(around, around, fc.constantFrom("", " ", "-"), (before, after, gap) => {
        const text = `${before}x${["4242", "4242", "4242", "4242"].join(gap)}x${after}`;
        expect(cards(text).replace(/\D/g, "")).not.toContain("4242424242424242");
        expect(cards(text)).toBe(`${before}x[card]x${after}`);
      }),
    );
  });
});
