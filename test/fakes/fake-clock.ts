import type { Clock, Timer } from "../../src/ports/clock.js";

/** A clock that moves only when the test says so; timers run in order of time, then of being set. */
export class FakeClock implements Clock {
  #nowMs: number;
  readonly #originEpochMs: number;
  #seq = 0;
  #timers: { atMs: number; seq: number; run: () => void }[] = [];

  constructor(nowMs = 0, originEpochMs = Date.UTC(2026, 10, 21)) {
    this.#nowMs = nowMs;
    this.#originEpochMs = originEpochMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  epochMs(): number {
    return this.#originEpochMs + this.#nowMs;
  }

  /** Timers that are set. */
  get pending(): number {
    return this.#timers.length;
  }

  /** Until the next timer is due; infinite without one. */
  get untilNextMs(): number {
    return Math.min(...this.#timers.map(({ atMs }) => atMs)) - this.#nowMs;
  }

  after(ms: number, run: () => void): Timer {
    const timer = { atMs: this.#nowMs + Math.max(0, ms), seq: this.#seq++, run };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  /** The process stands still: time passes, and what became due meanwhile runs late, behind what is `read` first. */
  standStill(ms: number, read: () => void = () => {}): void {
    this.#nowMs += ms;
    read();
    this.advance(0);
  }

  /** Moves time on, running what becomes due at its own time. */
  advance(ms: number): void {
    const end = this.#nowMs + ms;
    for (;;) {
      let next: { atMs: number; seq: number; run: () => void } | undefined;
      for (const timer of this.#timers) {
        if (timer.atMs > end) continue;
        if (
          next === undefined ||
          timer.atMs < next.atMs ||
          (timer.atMs === next.atMs && timer.seq < next.seq)
        ) {
          next = timer;
        }
      }
      if (next === undefined) break;
      const due = next;
      this.#timers = this.#timers.filter((other) => other !== due);
      this.#nowMs = Math.max(this.#nowMs, due.atMs);
      due.run();
    }
    this.#nowMs = end;
  }
}
