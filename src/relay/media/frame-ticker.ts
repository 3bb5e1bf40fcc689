import { FRAME_MS } from "../../codec/frame.js";
import type { Clock, Timer } from "../../ports/clock.js";

export interface TickTarget {
  tick(nowMs: number): void;
}

/** From a target's last frame: after this the ticker drives the target. A frame is 20 ms. */
const FRAME_MISSED_MS = 30;
const FIRST_SLOTS = 64;

/**
 * One 20 ms tick for all calls. Each tick is planned from the first one and not from the last, so
 * that lateness does not add up. A missed tick is not repeated: what a call sends depends on the
 * time, not on the number of ticks, so after a stall it catches up to its lead and no further.
 *
 * A call whose frames arrive needs no tick. The times of all last frames lie side by side, so that
 * a tick touches no other memory of such a call.
 */
export class FrameTicker {
  readonly #clock: Clock;
  /** By slot; null: the slot is free. */
  readonly #targets: (TickTarget | null)[] = [];
  /** When the target was last driven, by slot. */
  #drivenMs = new Float64Array(FIRST_SLOTS);
  #size = 0;
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
    return this.#size;
  }

  /** How late the last tick was, in ms: the event loop's lag as calls feel it. */
  get lateMs(): number {
    return this.#lateMs;
  }

  /**
   * Idempotent. The target is ticked while nothing else drives it.
   *
   * @returns its slot, for `driven`.
   */
  add(target: TickTarget): number {
    const known = this.#targets.indexOf(target);
    if (known >= 0) return known;
    const free = this.#targets.indexOf(null);
    const slot = free >= 0 ? free : this.#targets.length;
    this.#targets[slot] = target;
    if (slot >= this.#drivenMs.length) {
      const grown = new Float64Array(2 * slot);
      grown.set(this.#drivenMs);
      this.#drivenMs = grown;
    }
    this.#drivenMs[slot] = Number.NEGATIVE_INFINITY;
    this.#size++;
    if (this.#timer === null) {
      this.#nextMs = this.#clock.nowMs() + FRAME_MS;
      this.#timer = this.#clock.after(FRAME_MS, this.#tick);
    }
    return slot;
  }

  /** A frame came: the target needs no tick until the next one is missed. */
  driven(slot: number, nowMs: number): void {
    this.#drivenMs[slot] = nowMs;
  }

  /** Idempotent. The last target stops the timer. */
  remove(target: TickTarget): void {
    const slot = this.#targets.indexOf(target);
    if (slot < 0) return;
    this.#targets[slot] = null;
    this.#size--;
    if (this.#size > 0) return;
    this.#targets.length = 0;
    this.#timer?.cancel();
    this.#timer = null;
  }

  #run(): void {
    const nowMs = this.#clock.nowMs();
    this.#lateMs = Math.max(0, nowMs - this.#nextMs);
    for (let slot = 0; slot < this.#targets.length; slot++) {
      if (nowMs - this.#drivenMs[slot]! < FRAME_MISSED_MS) continue;
      try {
        this.#targets[slot]?.tick(nowMs);
      } catch (error) {
        // One call's fault must not silence the others.
        this.#onError(error);
      }
    }
    if (this.#size === 0) return;
    this.#nextMs +=
      FRAME_MS * Math.max(1, Math.ceil((this.#clock.nowMs() - this.#nextMs) / FRAME_MS));
    this.#timer = this.#clock.after(Math.max(0, this.#nextMs - this.#clock.nowMs()), this.#tick);
  }
}
