import { PROCESS_STALL_MS } from "../domain/stall.js";
import type { Clock, Timer } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import type { Worker } from "./worker-process.js";

const WATCH_MS = 500;

/** Kills workers that have sent no message for too long. */
export class StallWatch {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #workers: () => readonly Worker[];
  #timer: Timer | null = null;

  constructor(clock: Clock, log: Log, workers: () => readonly Worker[]) {
    this.#clock = clock;
    this.#log = log;
    this.#workers = workers;
  }

  start(): void {
    const dueMs = this.#clock.nowMs() + WATCH_MS;
    this.#timer = this.#clock.after(WATCH_MS, () => {
      this.#killStalled(this.#clock.nowMs() - dueMs);
      this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #killStalled(lateMs: number): void {
    const nowMs = this.#clock.nowMs();
    for (const worker of this.#workers()) {
      // When the machine stood still, the workers did too: their silence is not their fault.
      if (lateMs >= PROCESS_STALL_MS) worker.forgive(lateMs, nowMs);
      const silentMs = worker.stalledForMs(nowMs);
      if (silentMs === null) continue;
      const fields = { worker: worker.slot, pid: worker.pid, silentMs: Math.round(silentMs) };
      this.#log.error("supervisor: worker stalled, killed", fields);
      worker.kill();
    }
  }
}
