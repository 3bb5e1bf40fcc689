import { Histogram } from "./histogram.js";

/** What happens every 20 ms. `dueMs` is when it should have been called. */
export interface WheelMember {
  tick(nowMs: number, dueMs: number): void;
}

export const TICK_MS = 20;
/** A tick that is later than this is a stall, not the resolution of timers. */
export const LATE_MS = 8;
/**
 * Members are spread over this many instants of the 20 ms, so that they do not all write at once.
 */
const PHASES = 10;
const PHASE_MS = TICK_MS / PHASES;

/**
 * One timer for all calls. After a stall it makes up for every missed tick, as a telephone network
 * does.
 */
export class Wheel {
  /** How late ticks are: since the last reset, and over the whole run. */
  readonly recentLateness = new Histogram();
  readonly lateness = new Histogram();
  readonly #slots: Set<WheelMember>[] = Array.from({ length: PHASES }, () => new Set());
  readonly #phases = new Map<WheelMember, number>();
  #nextPhase = 0;
  #turn = 0;
  #originMs = 0;
  #timer: NodeJS.Timeout | null = null;
  #lateMs = 0;
  #lastLateMs = Number.NEGATIVE_INFINITY;

  /** How late the present tick is. */
  get lateMs(): number {
    return this.#lateMs;
  }

  /** True when a tick was late in the last `ms`, or is due by now. */
  lateWithin(ms: number, nowMs: number): boolean {
    return (
      nowMs - this.#lastLateMs < ms || nowMs - (this.#originMs + this.#turn * PHASE_MS) > LATE_MS
    );
  }

  start(): void {
    this.#originMs = performance.now();
    this.#turn = 0;
    this.#arm();
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  add(member: WheelMember): void {
    const phase = this.#nextPhase;
    // 7 is prime to 10: neighbours in time are not neighbours in phase.
    this.#nextPhase = (this.#nextPhase + 7) % PHASES;
    this.#phases.set(member, phase);
    this.#slots[phase]!.add(member);
  }

  remove(member: WheelMember): void {
    const phase = this.#phases.get(member);
    if (phase === undefined) return;
    this.#phases.delete(member);
    this.#slots[phase]!.delete(member);
  }

  #arm(): void {
    const dueMs = this.#originMs + this.#turn * PHASE_MS;
    this.#timer = setTimeout(() => this.#run(), Math.max(0, dueMs - performance.now()));
  }

  #run(): void {
    for (;;) {
      const nowMs = performance.now();
      const dueMs = this.#originMs + this.#turn * PHASE_MS;
      if (dueMs > nowMs) break;
      const slot = this.#slots[this.#turn % PHASES]!;
      this.#turn++;
      if (slot.size === 0) continue;
      this.#lateMs = nowMs - dueMs;
      if (this.#lateMs > LATE_MS) this.#lastLateMs = nowMs;
      this.lateness.record(this.#lateMs);
      this.recentLateness.record(this.#lateMs);
      for (const member of slot) member.tick(nowMs, dueMs);
    }
    if (this.#timer !== null) this.#arm();
  }
}
