/**
 * Time for the simulators. Real by default: real-time playout is what they are for. Tests that need no socket pass a
 * clock of their own.
 */
export interface SimTimer {
  /** Idempotent. */
  cancel(): void;
}

export interface SimClock {
  /** Monotonic ms, fractions allowed. */
  nowMs(): number;
  after(ms: number, run: () => void): SimTimer;
}

export const realClock: SimClock = {
  nowMs: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};

/** Resolves after `ms` of the clock. */
export function pause(clock: SimClock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ms, resolve);
  });
}

/** Something that wants to run every 20 ms. */
export interface Paced {
  tick(nowMs: number): void;
}

/**
 * One timer for all calls: every 2 ms it runs a tenth of them, so that each runs once in 20 ms and a thousand calls do not
 * all send in the same instant, as they do not in life. A late timer catches up: nobody's turn is skipped.
 */
export class Pacer {
  static readonly PERIOD_MS = 20;
  static readonly SLOTS = 10;
  readonly #clock: SimClock;
  readonly #slots: Set<Paced>[] = Array.from({ length: Pacer.SLOTS }, () => new Set<Paced>());
  #startMs = 0;
  #turn = 0;
  #next = 0;
  #members = 0;
  #timer: SimTimer | null = null;

  constructor(clock: SimClock) {
    this.#clock = clock;
  }

  /** @returns the way out; idempotent. */
  join(member: Paced): () => void {
    const slot = this.#slots[this.#next++ % Pacer.SLOTS]!;
    slot.add(member);
    if (this.#members++ === 0) {
      this.#startMs = this.#clock.nowMs();
      this.#turn = 0;
      this.#arm();
    }
    return () => {
      if (!slot.delete(member)) return;
      if (--this.#members === 0) {
        this.#timer?.cancel();
        this.#timer = null;
      }
    };
  }

  #arm(): void {
    const dueMs = this.#startMs + (this.#turn + 1) * (Pacer.PERIOD_MS / Pacer.SLOTS);
    this.#timer = this.#clock.after(Math.max(0, dueMs - this.#clock.nowMs()), () => this.#run());
  }

  #run(): void {
    const nowMs = this.#clock.nowMs();
    const due = Math.floor((nowMs - this.#startMs) / (Pacer.PERIOD_MS / Pacer.SLOTS));
    // After a stall longer than a period everybody is due once, not several times: they look at the clock themselves.
    const turns = Math.min(due - this.#turn, Pacer.SLOTS);
    for (let i = 0; i < turns; i++) {
      for (const member of this.#slots[(due - i) % Pacer.SLOTS]!) member.tick(nowMs);
    }
    this.#turn = Math.max(due, this.#turn);
    if (this.#members > 0) this.#arm();
  }
}
