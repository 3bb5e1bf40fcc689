import { beforeEach, describe, expect, it } from "vitest";
import { FreshHeartbeats } from "../../src/supervisor/fresh-heartbeats.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { settle } from "../fakes/sip-bench.js";

let clock: FakeClock;
/** Rounds that a worker has been asked in, each with its answer. */
let rounds: (() => void)[];
let fresh: FreshHeartbeats;
beforeEach(() => {
  clock = new FakeClock();
  rounds = [];
  const worker = { heartbeatNow: () => new Promise<void>((resolve) => rounds.push(resolve)) };
  fresh = new FreshHeartbeats(clock, () => [worker]);
});

/** Whether it has resolved. */
async function isDone(asked: Promise<void>): Promise<boolean> {
  let done = false;
  void asked.then(() => {
    done = true;
  });
  await settle();
  return done;
}

describe("heartbeats out of turn", () => {
  it("are waited for, and no timer stays", async () => {
    const asked = fresh.ask();
    expect(await isDone(asked)).toBe(false);
    rounds[0]?.();
    expect(await isDone(asked)).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it("are not waited for where a worker does not answer", async () => {
    const asked = fresh.ask();
    clock.advance(199);
    expect(await isDone(asked)).toBe(false);
    clock.advance(1);
    expect(await isDone(asked)).toBe(true);
  });

  it("come ten times a second at most, however many ask, and never from before the question", async () => {
    const first = fresh.ask();
    // What the worker tells now may be older than these questions.
    const others = [fresh.ask(), fresh.ask(), fresh.ask()];
    rounds[0]?.();
    expect([await isDone(first), await isDone(others[0]!)]).toEqual([true, false]);
    expect(rounds).toHaveLength(1);
    clock.advance(100);
    expect(rounds).toHaveLength(2);
    rounds[1]?.();
    for (const other of others) expect(await isDone(other)).toBe(true);
    clock.advance(1_000);
    expect(rounds).toHaveLength(2);
  });

  it("are none where no worker is up", async () => {
    expect(await isDone(new FreshHeartbeats(clock, () => []).ask())).toBe(true);
    expect(clock.pending).toBe(0);
  });
});
