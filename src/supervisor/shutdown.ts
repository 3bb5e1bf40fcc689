import type { Clock, Timer } from "../ports/clock.js";
import type { Worker } from "./worker-process.js";

/** Over the drain time: callers are taken over, and closing takes a moment. */
const GRACE_MS = 20_000;
/**
 * After the loss of a worker during the shutdown: its callers' requests still arrive, and the
 * worker in its place must answer them.
 */
const TAKEOVER_MS = 15_000;

export type ShutdownPhase = "running" | "draining" | "abandoning";

/**
 * Ends the workers of a machine in two steps. First no worker accepts new calls, and each reports
 * when no caller depends on it any more. Then all close together: until the last is drained, a
 * request about one worker's call may reach any of them.
 */
export class Shutdown {
  readonly #clock: Clock;
  readonly #drainMs: number;
  readonly #workers: () => readonly Worker[];
  #phase: ShutdownPhase = "running";
  #deadline: Timer | null = null;
  #takeover: Timer | null = null;
  #ended: (() => void)[] = [];

  constructor(clock: Clock, drainMs: number, workers: () => readonly Worker[]) {
    this.#clock = clock;
    this.#drainMs = drainMs;
    this.#workers = workers;
  }

  get phase(): ShutdownPhase {
    return this.#phase;
  }

  /** Resolves when every worker has ended. */
  drain(): Promise<void> {
    if (this.#phase === "running") {
      this.#phase = "draining";
      for (const worker of this.#workers()) worker.send({ type: "drain" });
      this.#killAfter(this.#drainMs + GRACE_MS);
    }
    return this.#allEnded();
  }

  /** Ends the drain early: callers go to their fallback now. */
  abandon(): Promise<void> {
    this.#phase = "abandoning";
    for (const worker of this.#workers()) worker.send({ type: "abandon" });
    this.#killAfter(GRACE_MS);
    return this.#allEnded();
  }

  /** Ends what is left, at once. Resolves when every worker has ended. */
  kill(): Promise<void> {
    if (this.#phase === "running") this.#phase = "abandoning";
    for (const worker of this.#workers()) worker.kill();
    return this.#allEnded();
  }

  /** A worker began to listen during the shutdown. */
  workerListens(worker: Worker): void {
    if (this.#phase === "draining") worker.send({ type: "drain" });
    if (this.#phase === "abandoning") worker.send({ type: "abandon" });
  }

  workerDrained(): void {
    this.#stopWhenDrained();
  }

  /** @returns true when another process must take its place, to answer for its callers. */
  workerLost(calls: number): boolean {
    const others = this.#workers().length;
    const mustReplace = calls > 0 && others === 0;
    if (mustReplace) {
      this.#takeover?.cancel();
      this.#takeover = this.#clock.after(TAKEOVER_MS, () => {
        this.#takeover = null;
        this.#stopWhenDrained();
      });
      return true;
    }
    this.#stopWhenDrained();
    if (others === 0) this.#finish();
    return false;
  }

  #stopWhenDrained(): void {
    if (this.#phase === "running" || this.#takeover !== null) return;
    const workers = this.#workers();
    if (workers.every(({ drained }) => drained))
      for (const worker of workers) worker.send({ type: "stop" });
  }

  #killAfter(ms: number): void {
    this.#deadline?.cancel();
    this.#deadline = this.#clock.after(ms, () => void this.kill());
  }

  #allEnded(): Promise<void> {
    return new Promise((resolve) => {
      this.#ended.push(resolve);
      if (this.#workers().length === 0) this.#finish();
    });
  }

  #finish(): void {
    this.#deadline?.cancel();
    this.#takeover?.cancel();
    this.#takeover = null;
    for (const resolve of this.#ended.splice(0)) resolve();
  }
}
