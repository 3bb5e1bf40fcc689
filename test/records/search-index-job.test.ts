import { describe, expect, it } from "vitest";
import { RelayError } from "../../src/domain/errors.js";
import type { IndexedCalls } from "../../src/ports/store.js";
import { SearchIndexJob } from "../../src/records/search-index-job.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { FakeLog } from "../fakes/fake-ports.js";
import { testSid } from "../fakes/record-events.js";

function bench() {
  const clock = new FakeClock();
  const log = new FakeLog();
  const runs: number[] = [];
  let pending = 0;
  let failure: Error | null = null;
  let unreadable: IndexedCalls["unreadable"] = [];
  const store = {
    indexCalls: async (limit: number): Promise<IndexedCalls> => {
      runs.push(clock.nowMs());
      if (failure !== null) throw failure;
      const count = Math.min(limit, pending);
      pending -= count;
      return { count, unreadable };
    },
  };
  const job = new SearchIndexJob(store, clock, log);
  return {
    job,
    log,
    runs,
    fail: (error: Error | null) => (failure = error),
    add: (count: number) => (pending += count),
    spoil: () => (unreadable = [testSid(1)]),
    pass: async (ms: number) => {
      for (let passed = 0; passed < ms; passed += 10) {
        clock.advance(10);
        for (let i = 0; i < 5; i++) await Promise.resolve();
      }
    },
  };
}

describe("the job that indexes ended calls", () => {
  it("looks every two seconds, and takes calls one by one with a pause", async () => {
    const { job, runs, add, pass } = bench();
    job.start();
    await pass(1_990);
    expect(runs).toHaveLength(0);
    add(3);
    await pass(100);
    expect(runs.map((atMs) => atMs - runs[0]!)).toEqual([0, 20, 40, 60]);
    await pass(2_000);
    expect(runs).toHaveLength(5);
    await job.stop();
    await pass(10_000);
    expect(runs).toHaveLength(5);
  });

  it("tries again half a minute after the database failed", async () => {
    const { job, runs, log, fail, pass } = bench();
    fail(new RelayError("store_unavailable", "away", { retryable: true }));
    job.start();
    await pass(2_000);
    expect(runs).toHaveLength(1);
    expect(log.lines).toHaveLength(1);
    fail(null);
    await pass(29_000);
    expect(runs).toHaveLength(1);
    await pass(1_010);
    expect(runs).toHaveLength(2);
    await job.stop();
  });

  it("says which record cannot be read", async () => {
    const { job, log, spoil, pass } = bench();
    spoil();
    job.start();
    await pass(2_000);
    expect(log.lines[0]).toContain(testSid(1));
    await job.stop();
  });
});
