import type { Clock, Timer } from "../ports.js";

interface Due {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** After a standstill, what was due waits until what came in meanwhile is read. */
const READING_MS = 2;

/** A clock that goes from one recorded instant to the next; timers run at their own times between. */
export class ReplayClock implements Clock {
  readonly #originEpochMs: number;
  #nowMs = 0;
  #order = 0;
  #heldUntilMs = 0;
  #timers: Due[] = [];

  constructor(originEpochMs: number) {
    this.#originEpochMs = originEpochMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  epochMs(): number {
    return this.#originEpochMs + this.#nowMs;
  }

  after(ms: number, run: () => void): Timer {
    const due = { atMs: this.#nowMs + Math.max(0, ms), order: this.#order++, run };
    this.#timers.push(due);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== due);
      },
    };
  }

  advanceTo(ms: number): void {
    if (ms >= this.#heldUntilMs) for (let due = this.#next(ms); due !== null; due = this.#next(ms)) due.run();
    this.#nowMs = Math.max(this.#nowMs, ms);
  }

  /** Nothing runs until then, and a little longer. */
  standStill(untilMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, untilMs);
    this.#heldUntilMs = untilMs + READING_MS;
  }

  /** Takes what is due next, and goes to its time. */
  #next(untilMs: number): Due | null {
    let next: Due | null = null;
    for (const due of this.#timers) {
      if (due.atMs > untilMs) continue;
      if (next === null || due.atMs < next.atMs || (due.atMs === next.atMs && due.order < next.order))
        next = due;
    }
    if (next === null) return null;
    const taken = next;
    this.#timers = this.#timers.filter((due) => due !== taken);
    this.#nowMs = Math.max(this.#nowMs, taken.atMs);
    return taken;
  }
}
