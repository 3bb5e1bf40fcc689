import type { Clock, Timer } from "../ports/clock.js";
import type { Log } from "../ports/log.js";

/**
 * Schedules a fixed set of kinds of work. Each kind has one timer, and at most one run of a kind is
 * under way.
 */
export class BackgroundWork<Kind extends string> {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #runs: Readonly<Record<Kind, () => void>>;
  readonly #timers = new Map<Kind, { readonly timer: Timer; readonly dueMs: number }>();
  readonly #running = new Map<Kind, Promise<void>>();
  #stopped = false;

  /** @param runs  called when the timer of a kind expires; it must not throw. */
  constructor(clock: Clock, log: Log, runs: Readonly<Record<Kind, () => void>>) {
    this.#clock = clock;
    this.#log = log;
    this.#runs = runs;
  }

  /** Runs this kind of work in `ms`, or earlier if an earlier time is set already. */
  schedule(kind: Kind, ms: number): void {
    const dueMs = this.#clock.nowMs() + ms;
    const armed = this.#timers.get(kind);
    if (this.#stopped || (armed !== undefined && armed.dueMs <= dueMs)) return;
    armed?.timer.cancel();
    const timer = this.#clock.after(ms, () => {
      this.#timers.delete(kind);
      this.#runs[kind]();
    });
    this.#timers.set(kind, { timer, dueMs });
  }

  /** Runs work after the runs of its kind that were started before. Resolves when it has ended. */
  async inTurn(kind: Kind, run: () => Promise<void>): Promise<void> {
    const before = this.#running.get(kind) ?? Promise.resolve();
    const done = before.then(run).catch((error: unknown) => {
      // `run` handles every failure that is expected.
      this.#log.error("records: unexpected failure", { work: kind }, error);
    });
    this.#running.set(kind, done);
    await done;
    if (this.#running.get(kind) === done) this.#running.delete(kind);
  }

  isRunning(kind: Kind): boolean {
    return this.#running.has(kind);
  }

  /** Resolves when the runs that are under way have ended. */
  async settled(): Promise<void> {
    await Promise.all(this.#running.values());
  }

  cancelTimers(): void {
    for (const { timer } of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }

  /** Nothing is scheduled from now on. */
  stop(): void {
    this.#stopped = true;
    this.cancelTimers();
  }
}
