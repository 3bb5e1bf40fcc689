import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SmallMap } from "../../src/domain/small-map.js";

describe("SmallMap", () => {
  it("holds what a Map holds, in the same order, whatever is done to both", () => {
    const key = fc.integer({ min: 0, max: 5 });
    const step = fc.tuple(fc.constantFrom("set", "delete", "oldest", "clear"), key, fc.nat());
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const [ours, theirs] = [new SmallMap<number, number>(), new Map<number, number>()];
        for (const [what, key, value] of steps) {
          if (what === "set") {
            ours.set(key, value);
            theirs.set(key, value);
          } else if (what === "delete") {
            ours.delete(key);
            theirs.delete(key);
          } else if (what === "clear") {
            ours.clear();
            theirs.clear();
          } else {
            const [oldest] = theirs.entries();
            expect(ours.dropOldest()).toBe(oldest?.[1]);
            if (oldest !== undefined) theirs.delete(oldest[0]);
          }
          expect(ours.values()).toEqual([...theirs.values()]);
          expect(ours.size).toBe(theirs.size);
          expect([ours.get(key), ours.has(key)]).toEqual([theirs.get(key), theirs.has(key)]);
        }
      }),
    );
  });

  it("shares nothing with another one that is empty", () => {
    const [one, other] = [new SmallMap<string, number>(), new SmallMap<string, number>()];
    one.set("a", 1);
    expect(other.size).toBe(0);
  });
});
