import type { Clock, Timer } from "../../ports/clock.js";

/** From one key to the next: after a longer pause the input is complete. */
const PAUSE_MS = 1_500;
/** Longer than any account or card number. At this length the input is complete. */
const MAX_DIGITS = 32;

/** Collects the digits that a caller presses into one input, which a pause or `#` completes. */
export class DtmfCollector {
  readonly #clock: Clock;
  readonly #typed: (digits: string) => void;
  #digits = "";
  #timer: Timer | null = null;

  constructor(clock: Clock, typed: (digits: string) => void) {
    this.#clock = clock;
    this.#typed = typed;
  }

  /** There are digits that wait for more. */
  get isCollecting(): boolean {
    return this.#digits !== "";
  }

  pressed(digit: string): void {
    this.#timer?.cancel();
    this.#digits += digit;
    if (digit === "#" || this.#digits.length >= MAX_DIGITS) this.#tell();
    else this.#timer = this.#clock.after(PAUSE_MS, () => this.#tell());
  }

  forget(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#digits = "";
  }

  #tell(): void {
    const digits = this.#digits;
    this.forget();
    this.#typed(digits);
  }
}
