import { beforeEach, describe, expect, it } from "vitest";
import { BackgroundWork } from "../../src/records/background-work.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { FakeLog } from "../fakes/fake-ports.js";

let clock: FakeClock;
let log: FakeLog;
let runs: string[];
let work: BackgroundWork<"save" | "spool">;
beforeEach(() => {
  clock = new FakeClock();
  log = new FakeLog();
  runs = [];
  work = new BackgroundWork(clock, log, {
    save: () => void runs.push(`save ${clock.nowMs()}`),
    spool: () => void runs.push(`spool ${clock.nowMs()}`),
  });
});

const settle = async () => await new Promise((resolve) => setImmediate(resolve));

describe("schedule", () => {
  it.each([
    { asked: [100, 50], at: 50 },
    { asked: [50, 100], at: 50 },
    { asked: [50, 50], at: 50 },
  ])("runs once, at the earliest time: $asked", ({ asked, at }) => {
    for (const ms of asked) work.schedule("save", ms);
    clock.advance(1_000);
    expect(runs).toEqual([`save ${at}`]);
  });

  it("keeps the kinds apart, and runs again when it is scheduled again", () => {
    work.schedule("save", 10);
    work.schedule("spool", 20);
    clock.advance(20);
    work.schedule("save", 10);
    clock.advance(20);
    expect(runs).toEqual(["save 10", "spool 20", "save 30"]);
  });

  it("runs nothing after its timers are cancelled, and schedules nothing after stop", () => {
    work.schedule("save", 10);
    work.cancelTimers();
    work.schedule("spool", 10);
    clock.advance(20);
    work.stop();
    work.schedule("save", 10);
    clock.advance(20);
    expect(runs).toEqual(["spool 10"]);
    expect(clock.pending).toBe(0);
  });
});

describe("inTurn", () => {
  it("runs one at a time of a kind, in order, and other kinds beside it", async () => {
    let finish = () => {};
    const first = work.inTurn("save", async () => {
      runs.push("first");
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      runs.push("first ends");
    });
    const second = work.inTurn("save", async () => void runs.push("second"));
    await work.inTurn("spool", async () => void runs.push("other"));
    expect(runs).toEqual(["first", "other"]);
    expect([work.isRunning("save"), work.isRunning("spool")]).toEqual([true, false]);
    finish();
    await Promise.all([first, second]);
    expect(runs).toEqual(["first", "other", "first ends", "second"]);
    expect(work.isRunning("save")).toBe(false);
  });

  it("logs an unexpected failure, and goes on with the next run", async () => {
    const failing = work.inTurn("save", async () => {
      throw new Error("bug");
    });
    const next = work.inTurn("save", async () => void runs.push("next"));
    await Promise.all([failing, next]);
    expect(log.lines).toEqual(['error records: unexpected failure {"work":"save"}']);
    expect(runs).toEqual(["next"]);
  });

  it("settles when the runs that are under way have ended", async () => {
    let finish = () => {};
    void work.inTurn("save", async () => {
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
    });
    void work.settled().then(() => runs.push("settled"));
    await settle();
    expect(runs).toEqual([]);
    finish();
    await settle();
    expect(runs).toEqual(["settled"]);
  });
});
