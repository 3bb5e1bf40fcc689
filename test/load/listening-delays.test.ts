import { expect, it } from "vitest";
import { delaysOf, quantile } from "../../bench/listening/delays.js";

it("finds the frame of each number that came out, over and over", () => {
  const leftMs = Array.from({ length: 200 }, (_, frame) => 1_000 + frame * 20);
  const out = leftMs.slice(40, 190).map((ms, i) => [(40 + i) % 50, ms + 130 + (i % 7)] as const);
  expect(delaysOf(out, leftMs)).toEqual(out.map((_, i) => 130 + (i % 7)));
  expect(delaysOf([[3, 1_010]], leftMs)).toEqual([]);
});

it("gives quantiles that are values", () => {
  const values = Array.from({ length: 100 }, (_, i) => 100 - i);
  expect([0.5, 0.95, 0.99, 1].map((share) => quantile(values, share))).toEqual([50, 95, 99, 100]);
});
