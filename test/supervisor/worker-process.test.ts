import { describe, expect, it } from "vitest";
import { Worker } from "../../src/supervisor/worker-process.js";

const newWorker = () => {
  const killed: number[] = [];
  const worker = new Worker(7, 1, 0, { pid: 99, send: () => {}, kill: () => killed.push(1) });
  return { worker, killed };
};
const listening = () => {
  const made = newWorker();
  made.worker.ports = { publicPort: 1, ownPort: 2, adminPort: 3 };
  return made;
};
const heartbeat = (process: string | null) => ({
  readiness: { ready: false, reason: "full" },
  calls: 4,
  metrics: { families: {}, process },
});

describe("Worker", () => {
  it("is up once it listens, while messages come", () => {
    const { worker } = newWorker();
    expect(worker.isUp(0)).toBe(false);
    worker.ports = { publicPort: 1, ownPort: 2, adminPort: 3 };
    expect([worker.isUp(4_999), worker.isUp(5_000)]).toEqual([true, false]);
    worker.messageReceived(5_000);
    expect(worker.isUp(9_999)).toBe(true);
  });

  it("is stalled after 30 s without listening, or after 5 s of silence", () => {
    const { worker: starting } = newWorker();
    expect([starting.stalledForMs(29_999), starting.stalledForMs(30_000)]).toEqual([null, 30_000]);
    const { worker } = listening();
    expect([worker.stalledForMs(4_999), worker.stalledForMs(5_000)]).toEqual([null, 5_000]);
  });

  it("is killed once, and neither up nor stalled afterwards", () => {
    const { worker, killed } = listening();
    worker.kill();
    expect([killed.length, worker.isUp(0), worker.stalledForMs(60_000)]).toEqual([1, false, null]);
  });

  it("is not blamed for a time in which the machine stood still", () => {
    const { worker } = listening();
    worker.messageReceived(1_000);
    worker.forgive(60_000, 61_500);
    expect(worker.stalledForMs(61_500)).toBeNull();
    expect(worker.stalledForMs(66_000)).toBe(5_000);
    // It has sent a message since: there is nothing to forgive.
    worker.messageReceived(70_000);
    worker.forgive(60_000, 70_000);
    expect(worker.stalledForMs(75_000)).toBe(5_000);
  });

  it("is asked for a heartbeat, and waited for until it has answered that", async () => {
    const sent: unknown[] = [];
    const send = (message: unknown) => void sent.push(message);
    const worker = new Worker(7, 1, 0, { pid: 99, send, kill: () => undefined });
    const done: number[] = [];
    void worker.heartbeatNow().then(() => done.push(1));
    void worker.heartbeatNow().then(() => done.push(2));
    expect(sent).toEqual([
      { type: "heartbeat_now", asked: 1 },
      { type: "heartbeat_now", asked: 2 },
    ]);
    const tick = () => new Promise((resolve) => setImmediate(resolve));
    // It was on its way already.
    worker.heartbeat(heartbeat(null));
    await tick();
    expect(done).toEqual([]);
    worker.heartbeat({ ...heartbeat(null), asked: 1 });
    await tick();
    expect(done).toEqual([1]);
    worker.heartbeat({ ...heartbeat(null), asked: 2 });
    await tick();
    expect(done).toEqual([1, 2]);
  });

  it("reports its last heartbeat, and process metrics that come less often", () => {
    const { worker } = listening();
    expect([worker.readiness, worker.snapshot(0).snapshot]).toEqual([
      { ready: true, reason: "ok" },
      null,
    ]);
    worker.heartbeat(heartbeat("cpu 1\n"));
    worker.heartbeat(heartbeat(null));
    expect([worker.readiness.reason, worker.calls]).toEqual(["full", 4]);
    expect(worker.snapshot(0)).toEqual({
      worker: "1",
      up: true,
      snapshot: { families: {}, process: "cpu 1\n" },
    });
    worker.retired = true;
    expect(worker.snapshot(9_000)).toMatchObject({ worker: "1-retired", up: false });
  });
});
