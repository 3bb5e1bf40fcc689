import { expect, it } from "vitest";
import { maskNumbers } from "../../src/domain/mask-numbers.js";

it.each([
  ["+15550100001", "+1••••••••01"],
  [
    '{"from":"+15550100001","to":"sip:+442079460000@example.com"}',
    '{"from":"+1••••••••01","to":"sip:+4•••••••••00@example.com"}',
  ],
  ["CA1,+15550100001,inbound", "CA1,+1••••••••01,inbound"],
  ["tel:%2B15550100001", "tel:%2B1••••••••01"],
  ["2026-11-21T08:00:00.000+00:00", "2026-11-21T08:00:00.000+00:00"],
  ["CA0123456789 order 15550100001 costs 5+1234", "CA0123456789 order 15550100001 costs 5+1234"],
])("masks the numbers of %s", (text, masked) => {
  expect(maskNumbers(text)).toBe(masked);
});
