import type { Clock } from "../../ports/clock.js";

/** Slower changes are drift, which NTP corrects by itself. */
const STEP_MS = 1_000;
/** Past ones that are kept. */
const MOST = 8;

interface PastOffset {
  readonly offsetMs: number;
  /** When the step away from it was noticed, by the monotonic clock. */
  readonly untilMs: number;
}

/**
 * What has to be added to the monotonic clock for the wall clock, now and a while ago. An operator
 * or NTP may set the machine's clock, and an age that is the difference of two wall-clock times is
 * then wrong by the step. All processes of a machine see the same step.
 */
export class ClockOffsets {
  readonly #clock: Pick<Clock, "nowMs" | "epochMs">;
  readonly #keptMs: number;
  #currentMs: number;
  #past: readonly PastOffset[] = [];

  /** @param keptMs  for how long a past offset counts after the step. */
  constructor(clock: Pick<Clock, "nowMs" | "epochMs">, keptMs: number) {
    this.#clock = clock;
    this.#keptMs = keptMs;
    this.#currentMs = clock.epochMs() - clock.nowMs();
  }

  /** How long ago the wall clock showed `epochMs`, by each offset: the current one first. */
  agesMs(epochMs: number): readonly number[] {
    const nowMs = this.#clock.nowMs();
    this.#notice(nowMs);
    const past = this.#past.filter(({ untilMs }) => nowMs - untilMs < this.#keptMs);
    return [this.#currentMs, ...past.map(({ offsetMs }) => offsetMs)].map(
      (offsetMs) => nowMs + offsetMs - epochMs,
    );
  }

  #notice(nowMs: number): void {
    const offsetMs = this.#clock.epochMs() - nowMs;
    if (Math.abs(offsetMs - this.#currentMs) > STEP_MS)
      this.#past = [{ offsetMs: this.#currentMs, untilMs: nowMs }, ...this.#past].slice(0, MOST);
    this.#currentMs = offsetMs;
  }
}
