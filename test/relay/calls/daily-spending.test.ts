import { beforeEach, describe, expect, it } from "vitest";
import { RelayError } from "../../../src/domain/errors.js";
import { DailySpending } from "../../../src/relay/calls/daily-spending.js";
import { MemorySums } from "../../../src/relay/calls/shared-sums.js";
import { FakeClock } from "../../fakes/fake-clock.js";
import { FakeLog } from "../../fakes/fake-ports.js";

let clock: FakeClock;
let sums: MemorySums;
let log: FakeLog;
let away: boolean;
beforeEach(() => {
  clock = new FakeClock();
  sums = new MemorySums(() => clock.epochMs());
  log = new FakeLog();
  away = false;
});

const settle = async () => await new Promise((resolve) => setImmediate(resolve));
function spending(): DailySpending {
  const database = async <T>(answer: () => Promise<T>): Promise<T> => {
    if (away) throw new RelayError("store_unavailable", "away", { retryable: true });
    return await answer();
  };
  return new DailySpending({
    clock,
    log,
    sums: {
      add: async (key, amount, windowMs) => await database(() => sums.add(key, amount, windowMs)),
      read: async (key, windowMs) => await database(() => sums.read(key, windowMs)),
    },
  });
}

describe("DailySpending", () => {
  it("adds up what the processes spend, and knows it after a restart", async () => {
    const [one, other] = [spending(), spending()];
    await one.start(["outbound"]);
    await other.start(["outbound"]);
    one.add("outbound", 2);
    other.add("outbound", 3);
    expect([one.todayUsd("outbound"), other.todayUsd("outbound")]).toEqual([2, 3]);
    for (let i = 0; i < 2; i++) {
      clock.advance(10_000);
      await settle();
    }
    expect([one.todayUsd("outbound"), other.todayUsd("outbound")]).toEqual([5, 5]);
    one.add("outbound", 1);
    await one.stop();
    const next = spending();
    await next.start(["outbound"]);
    expect(next.todayUsd("outbound")).toBe(6);
    await Promise.all([other.stop(), next.stop()]);
    expect(clock.pending).toBe(0);
  });

  it("keeps the keys apart, and begins at 0 each day", async () => {
    const one = spending();
    one.add("outbound", 2);
    expect(one.todayUsd("agent:support")).toBe(0);
    clock.advance(86_400_000);
    expect(one.todayUsd("outbound")).toBe(0);
  });

  it("keeps what the database does not take, and tells it once", async () => {
    const one = spending();
    await one.start([]);
    away = true;
    one.add("outbound", 2);
    clock.advance(10_000);
    await settle();
    expect(one.todayUsd("outbound")).toBe(2);
    away = false;
    await one.stop();
    expect(await sums.read("spending:outbound", 86_400_000)).toBe(2);
    expect(one.todayUsd("outbound")).toBe(2);
  });
});
