import { describe, expect, it } from "vitest";
import { PROCESS_STALL_MS, stallAwareDeadline } from "../../src/domain/stall.js";
import { FakeClock } from "../fakes/fake-clock.js";

function begin(ms: number) {
  const clock = new FakeClock();
  const over: [atMs: number, putOffMs: number][] = [];
  const timer = stallAwareDeadline(
    clock,
    ms,
    (putOffMs) => void over.push([clock.nowMs(), putOffMs]),
  );
  return { clock, over, timer };
}

describe("a deadline", () => {
  it("is over after its time", () => {
    const { clock, over } = begin(3_000);
    clock.advance(2_999);
    expect(over).toEqual([]);
    clock.advance(1);
    expect(over).toEqual([[3_000, 0]]);
  });

  it("is not put off by what a busy event loop is late", () => {
    const { clock, over } = begin(3_000);
    clock.advance(2_900);
    clock.standStill(100 + PROCESS_STALL_MS - 1);
    expect(over).toEqual([[3_000 + PROCESS_STALL_MS - 1, 0]]);
  });

  it("waits as long again as a standstill made it late", () => {
    const { clock, over } = begin(3_000);
    clock.advance(1_000);
    clock.standStill(4_000);
    expect(over).toEqual([]);
    clock.advance(1_999);
    expect(over).toEqual([]);
    clock.advance(1);
    expect(over).toEqual([[7_000, 4_000]]);
  });

  it("waits no longer than its own time, however long the standstill", () => {
    const { clock, over } = begin(3_000);
    clock.standStill(3_600_000);
    clock.advance(3_000);
    expect(over).toEqual([[3_603_000, 3_600_000]]);
  });

  it("is put off by every standstill that makes it late", () => {
    const { clock, over } = begin(1_000);
    clock.standStill(1_500);
    clock.standStill(1_000);
    clock.advance(499);
    expect(over).toEqual([]);
    clock.advance(1);
    expect(over).toEqual([[3_000, 2_000]]);
  });

  it("is over for good when it is cancelled, put off or not", () => {
    const { clock, over, timer } = begin(1_000);
    clock.standStill(2_000);
    timer.cancel();
    clock.advance(10_000);
    expect(over).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});
