import { FRAME_MS } from "../../codec/frame.js";
import type { Clock, Timer } from "../../ports/clock.js";

export interface TickTarget {
  tick(nowMs: number): void;
}

/**
 * One 20 ms tick for all calls. Each tick is planned from the first, not from the last, so lateness
 * does not add up; a tick that was missed is not repeated, because what a call sends depends on the
 * time and not on how often it was asked: after a stall it catches up to its lead and no further.
 */
export class FrameTicker {
  readonly #clock: Clock;
  readonly #targets = new Set<TickTarget>();
  #timer: Timer | null = null;
  #nextMs = 0;
  #lateMs = 0;
  readonly #onError: (error: unknown) => void;
  readonly #tick = (): void => this.#run();

  constructor(clock: Clock, onError: (error: unknown) => void) {
    this.#clock = clock;
    this.#onError = onError;
  }

  get size(): number {
    return this.#targets.size;
  }

  /** How late the last tick was, in ms: the event loop's lag as calls feel it. */
  get lateMs(): number {
    return this.#lateMs;
  }

  add(target: TickTarget): void {
    this.#targets.add(target);
    if (this.#timer !== null) return;
    this.#nextMs = this.#clock.nowMs() + FRAME_MS;
    this.#timer = this.#clock.after(FRAME_MS, this.#tick);
  }

  /** Idempotent. The last target stops the timer. */
  remove(target: TickTarget): void {
    this.#targets.delete(target);
    if (this.#targets.size > 0) return;
    this.#timer?.cancel();
    this.#timer = null;
  }

  #run(): void {
    const nowMs = this.#clock.nowMs();
    this.#lateMs = Math.max(0, nowMs - this.#nextMs);
    for (const target of this.#targets) {
      try {
        target.tick(nowMs);
      } catch (error) {
        // One call's fault must not silence the others.
        this.#onError(error);
      }
    }
    if (this.#targets.size === 0) return;
    this.#nextMs +=
      FRAME_MS * Math.max(1, Math.ceil((this.#clock.nowMs() - this.#nextMs) / FRAME_MS));
    this.#timer = this.#clock.after(Math.max(0, this.#nextMs - this.#clock.nowMs()), this.#tick);
  }
}
