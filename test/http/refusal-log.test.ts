import { describe, expect, it } from "vitest";
import { RefusalLog } from "../../src/http/refusal-log.js";
import { FakeLog } from "./harness.js";

describe("the log of refused requests", () => {
  it("writes the first five of an address, then one a minute with what was left out", () => {
    const log = new FakeLog();
    let nowMs = 0;
    const refusals = new RefusalLog(log, () => nowMs);
    for (let i = 0; i < 100; i++) refusals.refused("refused", "10.0.0.1", () => ({ n: i }));
    expect(log.lines.map(({ fields }) => fields["n"])).toEqual([0, 1, 2, 3, 4]);
    expect(log.lines[0]?.fields).toEqual({ address: "10.0.0.1", n: 0 });
    nowMs = 60_000;
    refusals.refused("refused", "10.0.0.1", () => ({ n: 100 }));
    expect(log.lines.at(-1)?.fields).toEqual({ address: "10.0.0.1", n: 100, suppressed: 95 });
  });

  it("is bounded in all, however many addresses there are", () => {
    const log = new FakeLog();
    const refusals = new RefusalLog(log, () => 0);
    for (let i = 0; i < 1000; i++) refusals.refused("refused", `10.0.0.${i}`, () => ({}));
    expect(log.lines).toHaveLength(50);
  });

  it("does not compute the details of a line that is not written", () => {
    const refusals = new RefusalLog(new FakeLog(), () => 0);
    let computed = 0;
    for (let i = 0; i < 100; i++) {
      refusals.refused("refused", "10.0.0.1", () => {
        computed += 1;
        return {};
      });
    }
    expect(computed).toBe(5);
  });
});
