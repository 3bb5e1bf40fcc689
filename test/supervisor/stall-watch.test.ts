import { describe, expect, it } from "vitest";
import { StallWatch } from "../../src/supervisor/stall-watch.js";
import { STALLED_MS, Worker } from "../../src/supervisor/worker-process.js";
import { FakeClock } from "../fakes/fake-clock.js";
import { FakeLog } from "../fakes/fake-ports.js";

function watched() {
  const clock = new FakeClock();
  const log = new FakeLog();
  const killed: number[] = [];
  const workers = [1, 2].map((slot) => {
    const process = { pid: 100 + slot, send: () => {}, kill: () => void killed.push(slot) };
    const worker = new Worker(slot, slot, 0, process);
    worker.ports = { publicPort: 1, ownPort: 2, adminPort: 3 };
    return worker;
  });
  const watch = new StallWatch(clock, log, () => workers);
  watch.start();
  return { clock, log, killed, workers, watch };
}

describe("StallWatch", () => {
  it("kills a worker that is silent for too long, once, and leaves the others", () => {
    const { clock, log, killed, workers } = watched();
    for (let ms = 0; ms < 3 * STALLED_MS; ms += 500) {
      clock.advance(500);
      workers[1]?.messageReceived(clock.nowMs());
      if (clock.nowMs() < STALLED_MS) expect(killed).toEqual([]);
    }
    expect(killed).toEqual([1]);
    expect(log.lines).toEqual([
      `error supervisor: worker stalled, killed {"worker":1,"pid":101,"silentMs":${STALLED_MS}}`,
    ]);
  });

  it("blames no worker for a time in which the whole machine stood still", () => {
    const { clock, killed, workers } = watched();
    clock.standStill(60_000);
    expect(killed).toEqual([]);
    clock.advance(STALLED_MS);
    expect(killed).toEqual([1, 2]);
    expect(workers.map((worker) => worker.isUp(clock.nowMs()))).toEqual([false, false]);
  });

  it("looks no more once it is stopped", () => {
    const { clock, killed, watch } = watched();
    watch.stop();
    clock.advance(2 * STALLED_MS);
    expect([killed, clock.pending]).toEqual([[], 0]);
  });
});
