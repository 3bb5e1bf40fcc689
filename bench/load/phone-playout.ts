import { TICK_MS } from "./wheel.js";

/** Sums of floating point: less than this is not a time. */
const EPSILON_MS = 0.01;

/**
 * The phone's side of playout, as Twilio does it: whatever arrives is queued and played in real
 * time by a clock of 20 ms. Times are in ms of one monotonic clock.
 */
export class PhonePlayout {
  /** When the last byte that arrived will have been played. */
  #endMs = 0;
  #tickMs = 0;
  /** Marks that wait for the audio before them, oldest first. */
  readonly #marks: { name: string; dueMs: number }[] = [];
  #markedAt = 0;

  /** The phone's clock: called every 20 ms. */
  ticked(dueMs: number): void {
    this.#tickMs = dueMs;
  }

  /**
   * When the first byte of a piece that arrives now will be played: behind what waits, else at the
   * next tick.
   */
  startMs(nowMs: number): number {
    if (this.#endMs > nowMs + EPSILON_MS) return this.#endMs;
    const ticks = Math.floor((nowMs - this.#tickMs) / TICK_MS) + 1;
    return this.#tickMs + ticks * TICK_MS;
  }

  /** Queues `bytes` whose first is played at `startMs`. @returns the audio un-played now, in ms. */
  queue(bytes: number, startMs: number, nowMs: number): number {
    this.#endMs = startMs + bytes / 8;
    return this.#endMs - nowMs;
  }

  /** When the last byte that arrived will have been played. */
  get endMs(): number {
    return this.#endMs;
  }

  unplayedMs(nowMs: number): number {
    const ms = this.#endMs - nowMs;
    return ms > EPSILON_MS ? ms : 0;
  }

  /** How long nothing has been left to play; 0 while something is. */
  dryMs(nowMs: number): number {
    return Math.max(0, nowMs - this.#endMs);
  }

  mark(name: string): void {
    this.#marks.push({ name, dueMs: this.#endMs });
  }

  /** The next mark whose audio has been played by `nowMs`, or null. */
  takeMark(nowMs: number): string | null {
    const mark = this.#marks[this.#markedAt];
    if (mark === undefined || mark.dueMs > nowMs + EPSILON_MS) return null;
    this.#markedAt++;
    if (this.#markedAt === this.#marks.length) {
      this.#marks.length = 0;
      this.#markedAt = 0;
    }
    return mark.name;
  }

  /** Drops what has not been played; all marks become due. */
  clear(nowMs: number): void {
    this.#endMs = Math.min(this.#endMs, nowMs);
    for (const mark of this.#marks) mark.dueMs = Math.min(mark.dueMs, nowMs);
  }
}
