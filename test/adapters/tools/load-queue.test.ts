import { describe, expect, it } from "vitest";
import { LoadQueue } from "../../../src/adapters/tools/load-queue.js";

describe("modules that are loaded", () => {
  it("are loaded two at a time, in order, whoever is slow", () => {
    const queue = new LoadQueue();
    const begun: string[] = [];
    const ends = new Map<string, () => void>();
    for (const name of ["a", "b", "c", "d", "e"])
      queue.add((done) => {
        begun.push(name);
        ends.set(name, done);
      });
    expect(begun).toEqual(["a", "b"]);
    ends.get("b")!();
    expect(begun).toEqual(["a", "b", "c"]);
    // The end of a load that is told twice makes room once.
    ends.get("b")!();
    expect(begun).toEqual(["a", "b", "c"]);
    ends.get("c")!();
    ends.get("a")!();
    expect(begun).toEqual(["a", "b", "c", "d", "e"]);
  });

  it("may be over at once", () => {
    const queue = new LoadQueue();
    let begun = 0;
    for (let n = 0; n < 1_000; n++)
      queue.add((done) => {
        begun++;
        done();
      });
    expect(begun).toBe(1_000);
  });
});
