import { REVIEW_FLAGS, type ReviewFlag } from "../../domain/call-review.js";

/** Flags as a number: the bit of the first of REVIEW_FLAGS is the lowest. */
export function flagBits(flags: readonly ReviewFlag[]): number {
  return flags.reduce((bits, flag) => bits | (1 << REVIEW_FLAGS.indexOf(flag)), 0);
}

export function flagsOfBits(bits: number): readonly ReviewFlag[] {
  return REVIEW_FLAGS.filter((flag) => (bits & flagBits([flag])) !== 0);
}
