import { expect, it } from "vitest";
import { flagBits, flagsOfBits } from "../../../src/adapters/store/flag-bits.js";
import { REVIEW_FLAGS } from "../../../src/domain/call-review.js";

it("flags are stored as bits, the first one lowest, and read back", () => {
  expect(flagBits([])).toBe(0);
  expect(REVIEW_FLAGS.map((flag) => flagBits([flag]))).toEqual([1, 2, 4, 8]);
  expect(flagsOfBits(flagBits(["sampled", "long_silence"]))).toEqual(["long_silence", "sampled"]);
});
