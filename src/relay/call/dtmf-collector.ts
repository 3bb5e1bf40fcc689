import type { Clock, Timer } from "../../ports/clock.js";

/** A caller who types a number pauses less than this between two keys. */
const PAUSE_MS = 1_500;
/** Longer than any account or card number; what comes beyond is typed again. */
const DIGITS_MOST = 32;

/** Collects what the caller types, and tells it once they pause or press `#`. */
export class DtmfCollector {
  readonly #clock: Clock;
  readonly #typed: (digits: string) => void;
  #digits = "";
  #timer: Timer | null = null;

  constructor(clock: Clock, typed: (digits: string) => void) {
    this.#clock = clock;
    this.#typed = typed;
  }

  /** Digits wait for more: the next one belongs to them. */
  get isCollecting(): boolean {
    return this.#digits !== "";
  }

  pressed(digit: string): void {
    this.#timer?.cancel();
    this.#digits += digit;
    if (digit === "#" || this.#digits.length >= DIGITS_MOST) this.#tell();
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
