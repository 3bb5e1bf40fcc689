import { beforeEach, describe, expect, it } from "vitest";
import type { ToWorker } from "../../src/supervisor/messages.js";
import { Shutdown } from "../../src/supervisor/shutdown.js";
import { Worker } from "../../src/supervisor/worker-process.js";
import { FakeClock } from "../fakes/fake-clock.js";

const DRAIN_MS = 30_000;

let clock: FakeClock;
let workers: Worker[];
let sent: Map<Worker, ToWorker["type"][]>;
let killed: Set<Worker>;
let shutdown: Shutdown;
let ended: boolean;

beforeEach(() => {
  clock = new FakeClock();
  workers = [];
  sent = new Map();
  killed = new Set();
  ended = false;
  for (const n of [0, 1]) addWorker(n);
  shutdown = new Shutdown(clock, DRAIN_MS, () => workers);
});

function addWorker(n: number): Worker {
  const worker: Worker = new Worker(n, n, 0, {
    pid: n,
    send: ({ type }) => sent.get(worker)?.push(type),
    kill: () => void killed.add(worker),
  });
  sent.set(worker, []);
  workers.push(worker);
  return worker;
}
const watch = (over: Promise<void>) =>
  void over.then(() => {
    ended = true;
  });
const settle = async () => await new Promise((resolve) => setImmediate(resolve));
const drained = (worker: Worker) => {
  worker.drained = true;
  shutdown.workerDrained();
};
const exits = (worker: Worker, calls = 0): boolean => {
  workers = workers.filter((other) => other !== worker);
  return shutdown.workerLost(calls);
};

describe("Shutdown", () => {
  it("lets workers close together, when no caller depends on any of them", async () => {
    watch(shutdown.drain());
    const [one, two] = workers as [Worker, Worker];
    drained(one);
    expect(sent.get(one)).toEqual(["drain"]);
    drained(two);
    expect([sent.get(one), sent.get(two)]).toEqual([
      ["drain", "stop"],
      ["drain", "stop"],
    ]);
    exits(one);
    await settle();
    expect(ended).toBe(false);
    exits(two);
    await settle();
    expect([ended, clock.pending]).toEqual([true, 0]);
  });

  it("does not wait for a worker that died while another one answers for its callers", () => {
    watch(shutdown.drain());
    const [one, two] = workers as [Worker, Worker];
    drained(one);
    expect(exits(two, 5)).toBe(false);
    expect(sent.get(one)).toEqual(["drain", "stop"]);
  });

  it("has the last worker replaced when it dies with calls, and keeps that one for 15 s", async () => {
    watch(shutdown.drain());
    const [one, two] = workers as [Worker, Worker];
    exits(two);
    expect(exits(one, 3)).toBe(true);
    const next = addWorker(2);
    shutdown.workerListens(next);
    drained(next);
    clock.advance(14_999);
    expect(sent.get(next)).toEqual(["drain"]);
    clock.advance(1);
    expect(sent.get(next)).toEqual(["drain", "stop"]);
    exits(next);
    await settle();
    expect(ended).toBe(true);
  });

  it("does not replace a last worker without calls", async () => {
    watch(shutdown.drain());
    for (const worker of workers) expect(exits(worker)).toBe(false);
    await settle();
    expect(ended).toBe(true);
  });

  it.each(["drain", "abandon"] as const)("tells a worker that starts late to %s", (how) => {
    watch(how === "drain" ? shutdown.drain() : shutdown.abandon());
    const late = addWorker(2);
    shutdown.workerListens(late);
    expect(sent.get(late)).toEqual([how]);
  });

  it("kills what is left 20 s after the drain time", () => {
    watch(shutdown.drain());
    clock.advance(DRAIN_MS + 19_999);
    expect(killed.size).toBe(0);
    clock.advance(1);
    expect(killed.size).toBe(2);
  });

  it("kills what is left 20 s after the drain was ended early", () => {
    watch(shutdown.drain());
    clock.advance(1_000);
    watch(shutdown.abandon());
    expect(shutdown.phase).toBe("abandoning");
    clock.advance(19_999);
    expect(killed.size).toBe(0);
    clock.advance(1);
    expect(killed.size).toBe(2);
  });

  it("is over at once without workers", async () => {
    workers = [];
    watch(shutdown.drain());
    await settle();
    expect(ended).toBe(true);
  });
});
