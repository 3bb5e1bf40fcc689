import type { Clock, Timer } from "../ports/clock.js";
import { nextTimer } from "./timer-names.js";

interface Waiting {
  readonly name: string;
  readonly dueMs: number;
  readonly run: () => void;
}

/** What became of the recorded call's timers, by their names. */
export interface RecordedTimers {
  readonly ran: ReadonlySet<string>;
  /** And when. */
  readonly cancelled: ReadonlyMap<string, number>;
}

/**
 * A clock that goes from one recorded instant to the next. Timers run when they ran; one that was
 * cancelled waits as long at least, however late that was in a process that stood still; new ones
 * run at their own time.
 */
export class ReplayClock implements Clock {
  readonly #originEpochMs: number;
  readonly #recorded: RecordedTimers;
  readonly #set = new Map<number, number>();
  #nowMs = 0;
  #waiting: Waiting[] = [];

  constructor(
    originEpochMs: number,
    recorded: RecordedTimers = { ran: new Set(), cancelled: new Map() },
  ) {
    this.#originEpochMs = originEpochMs;
    this.#recorded = recorded;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  epochMs(): number {
    return this.#originEpochMs + this.#nowMs;
  }

  after(ms: number, run: () => void): Timer {
    const name = nextTimer(this.#set, ms);
    const dueMs = Math.max(this.#nowMs + Math.max(0, ms), this.#recorded.cancelled.get(name) ?? 0);
    const waiting = { name, dueMs, run };
    this.#waiting.push(waiting);
    return { cancel: () => this.#remove(waiting) };
  }

  /** Runs what is due before then and of which the recording does not say when it ran. */
  advanceTo(ms: number): void {
    for (let due = this.#next(ms); due !== null; due = this.#next(ms)) due.run();
    this.#nowMs = Math.max(this.#nowMs, ms);
  }

  /** Runs a timer of the recording now, if it is set. */
  runTimer(name: string): void {
    const waiting = this.#waiting.find((timer) => timer.name === name);
    if (waiting === undefined) return;
    this.#remove(waiting);
    waiting.run();
  }

  /** Takes what is due next, and goes to its time. */
  #next(beforeMs: number): Waiting | null {
    let next: Waiting | null = null;
    for (const timer of this.#waiting) {
      if (this.#recorded.ran.has(timer.name) || timer.dueMs >= beforeMs) continue;
      if (next === null || timer.dueMs < next.dueMs) next = timer;
    }
    if (next === null) return null;
    this.#remove(next);
    this.#nowMs = Math.max(this.#nowMs, next.dueMs);
    return next;
  }

  #remove(timer: Waiting): void {
    this.#waiting = this.#waiting.filter((other) => other !== timer);
  }
}
