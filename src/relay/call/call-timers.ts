import { SmallMap } from "../../domain/small-map.js";
import type { Clock, Timer } from "../../ports/clock.js";

/** The named timers of one call: each is set at most once. */
export class CallTimers<Name extends string> {
  readonly #clock: Clock;
  readonly #expired: (name: Name) => void;
  readonly #timers = new SmallMap<Name, Timer>();

  constructor(clock: Clock, expired: (name: Name) => void) {
    this.#clock = clock;
    this.#expired = expired;
  }

  /** Sets a timer, in place of an earlier one with the same name. */
  arm(name: Name, ms: number): void {
    this.disarm(name);
    const timer = this.#clock.after(ms, () => {
      this.#timers.delete(name);
      this.#expired(name);
    });
    this.#timers.set(name, timer);
  }

  disarm(name: Name): void {
    this.#timers.get(name)?.cancel();
    this.#timers.delete(name);
  }

  disarmAll(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }
}
