import type { CallSid } from "../../domain/ids.js";
import type { Clock, Timer } from "../../ports/clock.js";

/** From Twilio's request to the moment at which its answer has left this process. */
const FLUSH_MS = 250;

/**
 * Waits for the callers of a process that stops. Their streams are closed, and Twilio asks what
 * follows: until each has its answer the process must keep its listener open.
 */
export class TakeoverWatch {
  readonly #clock: Clock;
  readonly #expected = new Set<CallSid>();
  #done: (() => void) | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  expect(callSid: CallSid): void {
    this.#expected.add(callSid);
  }

  /** Twilio has its answer, or the caller has hung up. */
  taken(callSid: CallSid): void {
    if (this.#expected.delete(callSid) && this.#expected.size === 0) this.#done?.();
  }

  /**
   * Resolves when no caller is left, or after `maxMs`.
   *
   * @returns  callers who were not taken over.
   */
  async settled(maxMs: number): Promise<number> {
    if (this.#expected.size > 0) {
      let timer: Timer | null = null;
      await new Promise<void>((resolve) => {
        this.#done = resolve;
        timer = this.#clock.after(maxMs, resolve);
      });
      (timer as Timer | null)?.cancel();
      this.#done = null;
      await new Promise<void>((resolve) => void this.#clock.after(FLUSH_MS, resolve));
    }
    return this.#expected.size;
  }
}
