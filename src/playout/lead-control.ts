import { BYTES_PER_MS, FRAME_MS, msToBytes } from "../codec/frame.js";

/** The lateness of echoes is counted in bins of this width. */
const BIN_MS = 5;
/**
 * More jitter than this is not provided for: the lead would cost more than the gaps that it
 * prevents.
 */
const MAX_JITTER_MS = 60;
const BINS = MAX_JITTER_MS / BIN_MS + 1;
/**
 * What an echo counts for after each further one: half after 34, which is eight seconds of speech.
 */
const FORGET = 0.98;
/** Jitter is the lateness that all but one echo in twenty stay within. */
const JITTER_SHARE = 0.95;
/** Fewer echoes do not describe a network. */
const ENOUGH_ECHOES = 8;

/**
 * How much audio is wanted at the phone. The configured lead covers what happens in the relay. What
 * the network delivers late comes on top of it, as far as the echoes of marks show it. Allocates
 * nothing.
 */
export class LeadControl {
  readonly #leadBytes: number;
  /** Weight of the echoes that were so late, by bin. */
  readonly #weights = new Array<number>(BINS).fill(0);
  #echoes = 0;
  #jitterMs = 0;

  /** @param leadMs  the most audio wanted at the phone over a network without jitter. */
  constructor(leadMs: number) {
    this.#leadBytes = msToBytes(leadMs);
  }

  /** How late messages come, in ms; 0 while unknown. */
  get jitterMs(): number {
    return this.#jitterMs;
  }

  /**
   * The most audio wanted at the phone, in bytes.
   *
   * @param placed  true: it is known where the phone is. Otherwise jitter may already have delayed
   *                its start, and what is added for jitter would be there twice.
   */
  targetBytes(placed: boolean): number {
    return placed ? this.#leadBytes + this.#jitterMs * BYTES_PER_MS : this.#leadBytes;
  }

  /**
   * True: the lead covers the network's jitter, so it may fall by a whole message before it is
   * filled again. False: the lead must be kept full.
   *
   * @param placed  as for `targetBytes`.
   */
  covers(placed: boolean): boolean {
    return this.#echoes >= ENOUGH_ECHOES && (placed || this.#jitterMs < FRAME_MS);
  }

  /** An echo came `ms` later than most do; 0 for one that did not. */
  late(ms: number): void {
    const bin = Math.min(BINS - 1, Math.round(ms / BIN_MS));
    for (let i = 0; i < BINS; i++) this.#weights[i] = this.#weights[i]! * FORGET;
    this.#weights[bin] = this.#weights[bin]! + 1;
    this.#echoes++;
    if (this.#echoes >= ENOUGH_ECHOES) this.#jitterMs = this.#quantileMs(JITTER_SHARE);
  }

  #quantileMs(share: number): number {
    let whole = 0;
    for (let i = 0; i < BINS; i++) whole += this.#weights[i]!;
    let seen = 0;
    for (let i = 0; i < BINS; i++) {
      seen += this.#weights[i]!;
      if (seen >= share * whole) return i * BIN_MS;
    }
    return MAX_JITTER_MS;
  }
}
