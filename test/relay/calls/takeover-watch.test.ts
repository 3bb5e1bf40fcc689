import { beforeEach, describe, expect, it } from "vitest";
import { TakeoverWatch } from "../../../src/relay/calls/takeover-watch.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { testSid } from "../../fakes/record-events.js";

let clock: FakeClock;
let watch: TakeoverWatch;
let left: number | null;
beforeEach(() => {
  clock = new FakeClock();
  watch = new TakeoverWatch(clock);
  left = null;
});
const settle = async () => await new Promise((resolve) => setImmediate(resolve));
const wait = (maxMs: number) =>
  void watch.settled(maxMs).then((count) => {
    left = count;
  });
const advance = async (ms: number) => {
  clock.advance(ms);
  await settle();
};

describe("TakeoverWatch", () => {
  it("does not wait when no caller is expected", async () => {
    wait(10_000);
    await settle();
    expect([left, clock.pending]).toEqual([0, 0]);
  });

  it("waits for every caller, and then until the last answer has left", async () => {
    for (const n of [1, 2]) watch.expect(testSid(n));
    wait(10_000);
    watch.taken(testSid(1));
    watch.taken(testSid(1));
    await advance(5_000);
    expect(left).toBeNull();
    watch.taken(testSid(2));
    await settle();
    await advance(249);
    expect(left).toBeNull();
    await advance(1);
    expect([left, clock.pending]).toEqual([0, 0]);
  });

  it("gives up after its time, and says how many are left", async () => {
    for (const n of [1, 2, 3]) watch.expect(testSid(n));
    wait(10_000);
    watch.taken(testSid(2));
    await advance(10_000);
    await advance(250);
    expect(left).toBe(2);
  });

  it("ignores callers that it does not expect", async () => {
    watch.expect(testSid(1));
    wait(10_000);
    watch.taken(testSid(9));
    await advance(1_000);
    expect(left).toBeNull();
  });
});
