import { describe, expect, it } from "vitest";
import {
  type Backoff,
  doublingPauses,
  growingPauses,
  listedPauses,
} from "../../src/domain/backoff.js";

const pauses = (backoff: Backoff, failures: number): (number | null)[] =>
  Array.from({ length: failures }, (_, n) => backoff(n + 1));

describe("back-off", () => {
  it.each<[string, Backoff, (number | null)[]]>([
    ["listed", listedPauses([150, 500]), [150, 500, null, null]],
    ["listed, the last repeats", listedPauses([200, 400], 5), [200, 400, 400, 400, null]],
    ["doubling, without end", doublingPauses(100, 500), [100, 200, 400, 500, 500]],
    ["doubling, three tries", doublingPauses(100, 500, 3), [100, 200, null, null]],
    ["growing", growingPauses(400, 4), [400, 800, 1_200, null]],
    ["none at all", listedPauses([]), [null, null]],
  ])("%s", (_name, backoff, expected) => {
    expect(pauses(backoff, expected.length)).toEqual(expected);
  });
});
