/**
 * Time for the simulators. Real by default, since they simulate real-time audio. Tests that need no
 * socket pass a clock of their own.
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

/** A part that runs every 20 ms. */
export interface Paced {
  tick(nowMs: number): void;
}

/**
 * One timer for all calls: every 2 ms it runs a tenth of them. So each runs once in 20 ms, and a
 * thousand calls do not all send in the same instant, as real calls do not. A late timer catches
 * up, and skips no member.
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

  /** @returns how to leave; idempotent. */
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
    // After a stall of more than a period each member is due once: it reads the clock itself.
    const turns = Math.min(due - this.#turn, Pacer.SLOTS);
    for (let i = 0; i < turns; i++) {
      for (const member of this.#slots[(due - i) % Pacer.SLOTS]!) member.tick(nowMs);
    }
    this.#turn = Math.max(due, this.#turn);
    if (this.#members > 0) this.#arm();
  }
}
