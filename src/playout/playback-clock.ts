import { BYTES_PER_MS, FRAME_MS } from "../codec/frame.js";
import { RunningMedian } from "./running-median.js";

/** Echoes that place the phone in a run: two seconds of them at one mark per 240 ms. */
const PLACING_ECHOES = 9;
/** Measurements of the round trip that count: a minute or two of conversation. */
const ROUND_TRIPS = 15;
/** After so many of them the round trip is known. */
const ENOUGH_ROUND_TRIPS = 3;
/** Twilio starts to play at its next tick of 20 ms: half of one on average. */
const START_MS = FRAME_MS / 2;
/** What `marked` returns for an echo that tells nothing about the network. */
export const NOT_MEASURED = -1;

/**
 * Where the caller's phone is in the audio that was sent to it, in bytes of the current generation.
 * A generation ends with a `clear`; echoes of an older one do not mean "heard" and are ignored.
 *
 * Messages take their time to the phone and back. Only both ways together can be measured, and
 * nothing else is needed: what counts is the position of the phone when something that leaves now
 * reaches it. There audio joins the lead, and there a `clear` takes effect.
 *
 * A run is audio that is played without a break. When what leaves `t` ms after the run's first byte
 * arrives, the phone has played `t` ms of the run, less the lag: the time by which it started late
 * or stood still. A mark's echo comes the round trip and the lag after the audio before it would
 * have been played by this clock. A mark that is sent into an empty buffer is echoed at once and
 * measures the round trip alone. Both are medians: over a network with jitter, they place the phone
 * where it is when a message of usual speed arrives.
 */
export class PlaybackClock {
  #generation = 0;
  #sentBytes = 0;
  #confirmedBytes = 0;
  /** The present run: its first byte and when that byte was sent. */
  #runStartBytes = 0;
  #runStartMs = 0;
  #running = false;
  #lagMs = START_MS;
  /**
   * How long after this clock's time the echoes of the present run came, in ms: round trip and lag.
   */
  readonly #echoes = new RunningMedian(PLACING_ECHOES);
  readonly #roundTrip = new RunningMedian(ROUND_TRIPS);
  /** When the mark left that measures the round trip; NaN: none is under way. */
  #probeSentMs = Number.NaN;

  get generation(): number {
    return this.#generation;
  }

  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** What marks have proved to be played. */
  get confirmedBytes(): number {
    return this.#confirmedBytes;
  }

  /** From the relay to the phone and back, in ms; 0 while unknown. */
  get roundTripMs(): number {
    return this.#roundTrip.count === 0 ? 0 : this.#roundTrip.value;
  }

  /** True: echoes have shown where the phone is in the present run. */
  get placed(): boolean {
    return this.#echoes.count > 0 && this.#roundTrip.count >= ENOUGH_ROUND_TRIPS;
  }

  /**
   * True: the phone's buffer is known to be empty, so a mark that leaves now at position
   * `sentBytes`, before any audio, measures the round trip. The caller then sends it.
   */
  probe(nowMs: number): boolean {
    if (this.#confirmedBytes !== this.#sentBytes || !Number.isNaN(this.#probeSentMs)) return false;
    this.#probeSentMs = nowMs;
    return true;
  }

  /** Audio of `n` bytes leaves for Twilio now. */
  sent(n: number, nowMs: number): void {
    if (!this.#running || this.playedOnArrivalBytes(nowMs) >= this.#sentBytes) {
      this.#running = true;
      this.#runStartBytes = this.#sentBytes;
      this.#runStartMs = nowMs;
      this.#lagMs = START_MS;
      this.#echoes.clear();
    }
    this.#sentBytes += n;
  }

  /**
   * The echo of a mark that was sent behind byte `position` of `generation`.
   *
   * @returns how much later than most of the run's echoes it came, in ms; NOT_MEASURED where that
   *          cannot be told.
   */
  marked(generation: number, position: number, nowMs: number): number {
    if (generation !== this.#generation || position > this.#sentBytes) return NOT_MEASURED;
    // Everything before the probe was echoed before it left, so no other mark has its position.
    if (position === this.#confirmedBytes && !Number.isNaN(this.#probeSentMs)) {
      this.#roundTrip.add(nowMs - this.#probeSentMs);
      this.#probeSentMs = Number.NaN;
      return NOT_MEASURED;
    }
    if (position > this.#confirmedBytes) this.#confirmedBytes = position;
    const measures = this.#running && position > this.#runStartBytes && this.#roundTrip.count > 0;
    const lateMs = measures ? this.#place(position, nowMs) : NOT_MEASURED;
    if (this.#confirmedBytes === this.#sentBytes) this.#running = false;
    return lateMs;
  }

  #place(position: number, nowMs: number): number {
    const playedMs = (position - this.#runStartBytes) / BYTES_PER_MS;
    const afterMs = nowMs - this.#runStartMs - playedMs;
    // One echo may itself be late: the usual start weighs as much as it does.
    if (this.#echoes.count === 0) this.#echoes.add(this.roundTripMs + START_MS);
    this.#echoes.add(afterMs);
    // The phone cannot be ahead: then a stall of the relay has made the round trip look too long.
    this.#lagMs = Math.max(0, this.#echoes.value - this.roundTripMs);
    return Math.max(0, afterMs - this.#echoes.value);
  }

  /**
   * Bytes that the phone will have played when what leaves now reaches it: at least what marks
   * prove, at most what was sent.
   */
  playedOnArrivalBytes(nowMs: number): number {
    if (!this.#running) return this.#sentBytes;
    const byClock =
      this.#runStartBytes + Math.floor((nowMs - this.#runStartMs - this.#lagMs) * BYTES_PER_MS);
    return Math.min(this.#sentBytes, Math.max(this.#confirmedBytes, this.#runStartBytes, byClock));
  }

  /** Bytes that have been played by now, both ways taken as equally long. */
  playedBytes(nowMs: number): number {
    return this.playedOnArrivalBytes(nowMs - this.roundTripMs / 2);
  }

  /**
   * Audio that the phone will still hold when what leaves now reaches it, in bytes: a whole number,
   * which the engine need not allocate.
   */
  leadBytes(nowMs: number): number {
    return this.#sentBytes - this.playedOnArrivalBytes(nowMs);
  }

  /**
   * A `clear` was sent: what was not heard never will be, and echoes of pending marks mean nothing.
   */
  clear(): void {
    this.#generation++;
    this.#sentBytes = 0;
    this.#confirmedBytes = 0;
    this.#running = false;
    this.#probeSentMs = Number.NaN;
  }
}
