import { beforeEach, describe, expect, it } from "vitest";
import { Worker } from "../../src/supervisor/worker-process.js";
import { WorkerSlots } from "../../src/supervisor/worker-slots.js";
import { FakeClock } from "../fakes/fake-clock.js";

let clock: FakeClock;
let slots: WorkerSlots;
beforeEach(() => {
  clock = new FakeClock();
  slots = new WorkerSlots(3, clock);
});

function start(id: number, slot: number, reason = "ok"): Worker {
  const worker = new Worker(id, slot, clock.nowMs(), { pid: id, send: () => {}, kill: () => {} });
  worker.ports = { publicPort: 8080, ownPort: 8081 + slot, adminPort: 5000 + id };
  const metrics = { families: {}, process: "" };
  worker.heartbeat({ readiness: { ready: reason === "ok", reason }, calls: 0, metrics });
  slots.add(worker);
  slots.slots[slot]!.worker = worker;
  return worker;
}

describe("WorkerSlots", () => {
  it("knows whether every slot has a worker that listens", () => {
    start(1, 0);
    start(2, 1);
    expect(slots.allListen).toBe(false);
    start(3, 2);
    expect(slots.allListen).toBe(true);
    slots.slots[2]!.worker!.ports = null;
    expect(slots.allListen).toBe(false);
  });

  it.each<[string[], string]>([
    [[], "no_worker"],
    [["full"], "full"],
    [["full", "database"], "full"],
    [["full", "ok"], "ok"],
  ])("is ready as its workers are: %j", (reasons, reason) => {
    for (const [n, one] of reasons.entries()) start(n + 1, n, one);
    expect(slots.readiness()).toEqual({ ready: reason === "ok", reason });
  });

  it("gives ports in turn, the owner's first, and none of a worker that does not answer", () => {
    start(1, 0);
    start(2, 1);
    const turns = [1, 2, 3, 4].map(() => slots.adminPorts(null));
    expect(turns.map(([first]) => first)).toEqual([5001, 5002, 5001, 5002]);
    expect(turns.every((ports) => ports.length === 2)).toBe(true);
    for (let i = 0; i < 3; i++) expect(slots.adminPorts(2)[0]).toBe(5002);
    clock.advance(5_000);
    start(3, 2);
    expect([slots.adminPorts(1), slots.ownPorts()]).toEqual([[5003], [8083]]);
  });

  it("shows every slot, and retired processes under a label of their own", () => {
    const old = start(1, 0);
    old.retired = true;
    start(2, 0);
    expect(slots.snapshots().map(({ worker, up }) => [worker, up])).toEqual([
      ["0", true],
      ["1", false],
      ["2", false],
      ["0-retired", true],
    ]);
    expect(slots.retired(slots.slots[0]!)).toEqual([old]);
    slots.delete(old);
    expect(slots.workers.map(({ id }) => id)).toEqual([2]);
  });
});
