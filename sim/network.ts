/**
 * A network between a simulator and the relay, one direction of a TCP connection: every message
 * arrives after a constant delay plus jitter. TCP keeps the order, so a message that is late holds
 * up those behind it, and all of them arrive in one burst.
 */
import type { SimClock, SimTimer } from "./clock.js";
import type { SeededRandom } from "./random.js";

/** Between the relay and Twilio. Default: no delay at all. */
export interface Network {
  /** From Twilio to the relay, in ms. */
  readonly toRelayMs?: number;
  /** From the relay to Twilio, and so to the phone, in ms. */
  readonly toPhoneMs?: number;
  /** Up to this much more, in either direction, evenly distributed. */
  readonly jitterMs?: number;
}

export class DelayLine {
  readonly #clock: SimClock;
  readonly #delayMs: number;
  readonly #jitterMs: number;
  readonly #random: SeededRandom;
  readonly #waiting: { readonly dueMs: number; readonly arrive: () => void }[] = [];
  #lastDueMs = Number.NEGATIVE_INFINITY;
  #timer: SimTimer | null = null;

  constructor(clock: SimClock, delayMs: number, jitterMs: number, random: SeededRandom) {
    this.#clock = clock;
    this.#delayMs = delayMs;
    this.#jitterMs = jitterMs;
    this.#random = random;
  }

  /** Runs `arrive` when the message arrives; at once on a line without delay. */
  send(arrive: () => void): void {
    if (this.#delayMs === 0 && this.#jitterMs === 0) {
      arrive();
      return;
    }
    const jitterMs = this.#random.next() * this.#jitterMs;
    const dueMs = Math.max(this.#lastDueMs, this.#clock.nowMs() + this.#delayMs + jitterMs);
    this.#lastDueMs = dueMs;
    this.#waiting.push({ dueMs, arrive });
    if (this.#timer === null) this.#arm(dueMs);
  }

  /** Messages under way are lost. */
  cut(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#waiting.length = 0;
  }

  #arm(dueMs: number): void {
    this.#timer = this.#clock.after(Math.max(0, dueMs - this.#clock.nowMs()), () => this.#run());
  }

  #run(): void {
    const nowMs = this.#clock.nowMs();
    this.#timer = null;
    let next = this.#waiting[0];
    for (; next !== undefined && next.dueMs <= nowMs; next = this.#waiting[0]) {
      this.#waiting.shift();
      next.arrive();
    }
    // An arrival may have sent something itself, and armed the line.
    if (next !== undefined && this.#timer === null) this.#arm(next.dueMs);
  }
}
