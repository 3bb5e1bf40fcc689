import type { Random } from "../random.js";

/**
 * How the network's extra delay comes about. `bursts`: TCP under loss; now and then everything is
 * held for up to `jitterMs` and then arrives at once. `each`: every message has an extra delay of
 * its own, between 0 and `jitterMs`.
 */
export type JitterKind = "bursts" | "each";

export interface LinkOptions {
  /** From one end to the other without jitter. */
  readonly delayMs: number;
  /** The most that a message may come later than that. */
  readonly jitterMs: number;
  readonly kind: JitterKind;
}

const PACKET_MS = 1;
/**
 * Between two bursts, on average. With jitter of 60 ms the network then holds messages for a tenth
 * of the time.
 */
const BETWEEN_BURSTS_MS = 250;

/**
 * One direction of a TCP connection: tells when what is sent now arrives. Order is kept and nothing
 * is lost. Ask with instants that never run back, in ms of one clock.
 */
export class Link {
  readonly #options: LinkOptions;
  readonly #random: Random;
  #lastSentMs = Number.NEGATIVE_INFINITY;
  #lastArrivalMs = Number.NEGATIVE_INFINITY;
  #heldFromMs = Number.NEGATIVE_INFINITY;
  #heldToMs = Number.NEGATIVE_INFINITY;

  constructor(options: LinkOptions, random: Random) {
    this.#options = options;
    this.#random = random;
  }

  arrivalMs(sentMs: number): number {
    // What leaves within a millisecond travels in one packet.
    if (sentMs - this.#lastSentMs < PACKET_MS) return this.#lastArrivalMs;
    this.#lastSentMs = sentMs;
    const { delayMs } = this.#options;
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, sentMs + delayMs + this.#extraMs(sentMs));
    return this.#lastArrivalMs;
  }

  #extraMs(sentMs: number): number {
    const { jitterMs, kind } = this.#options;
    if (jitterMs === 0) return 0;
    if (kind === "each") return this.#random.next() * jitterMs;
    if (this.#heldToMs === Number.NEGATIVE_INFINITY) this.#nextBurst(sentMs);
    while (sentMs >= this.#heldToMs) this.#nextBurst(this.#heldToMs);
    return sentMs < this.#heldFromMs ? 0 : this.#heldToMs - sentMs;
  }

  #nextBurst(fromMs: number): void {
    // Bursts come at random, so the time between them is exponentially distributed.
    const calmMs = -Math.log(1 - this.#random.next()) * BETWEEN_BURSTS_MS;
    this.#heldFromMs = fromMs + calmMs;
    this.#heldToMs = this.#heldFromMs + this.#random.next() * this.#options.jitterMs;
  }
}
