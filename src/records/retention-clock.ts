import type { Log } from "../ports/log.js";
import type { SharedState } from "../ports/store.js";

const HOUR_MS = 3_600_000;
/**
 * The longest step of the clock from one sweep to the next, by any process. After a longer one the
 * clock has jumped, or no process has run for so long, which looks the same.
 */
const MAX_STEP_MS = 24 * HOUR_MS;
/** After the first sweep that saw a jump, a person or NTP has this long to set the clock right. */
const HOLD_MS = 24 * HOUR_MS;
const KEY = "retention:clock";
/** Longer than any jump of the database's own clock, which decides when the entry expires. */
const KEPT_MS = 1_000 * 365 * 24 * HOUR_MS;

/** The clock as the sweeps of all processes have seen it, in ms since the epoch. */
export interface SeenClock {
  /** The time of the last sweep at which the clock was trusted. */
  readonly trustedMs: number;
  /** The first sweep after a jump; null: there was no jump, or the clock is trusted again. */
  readonly jumpedMs: number | null;
  readonly lastMs: number;
}

export interface Judged {
  readonly isTrusted: boolean;
  readonly seen: SeenClock;
}

/**
 * Whether the clock may decide what is too old. After a jump forward it is trusted only when it has
 * gone on from there for HOLD_MS: what was deleted by a wrong clock cannot be restored.
 *
 * @param before  null: this is the first sweep.
 */
export function judgeClock(before: SeenClock | null, nowMs: number): Judged {
  const trusted = { trustedMs: nowMs, jumpedMs: null, lastMs: nowMs };
  // With a clock that was set back, too little is deleted and never too much.
  if (before === null || nowMs - before.trustedMs <= MAX_STEP_MS)
    return { isTrusted: true, seen: trusted };
  const { trustedMs, jumpedMs, lastMs } = before;
  const goesOn = nowMs >= lastMs && nowMs - lastMs <= MAX_STEP_MS;
  if (jumpedMs === null || !goesOn)
    return { isTrusted: false, seen: { trustedMs, jumpedMs: nowMs, lastMs: nowMs } };
  if (nowMs - jumpedMs >= HOLD_MS) return { isTrusted: true, seen: trusted };
  return { isTrusted: false, seen: { trustedMs, jumpedMs, lastMs: nowMs } };
}

/** Keeps a wrong clock from deleting everything at once. */
export class RetentionClock {
  readonly #state: Pick<SharedState, "getState" | "putState">;
  readonly #log: Log;

  constructor(state: Pick<SharedState, "getState" | "putState">, log: Log) {
    this.#state = state;
    this.#log = log;
  }

  /** Rejects when the database fails. */
  async isTrusted(nowMs: number): Promise<boolean> {
    const { isTrusted, seen } = judgeClock(await this.#seen(), nowMs);
    await this.#state.putState(KEY, JSON.stringify(seen), KEPT_MS);
    if (isTrusted || seen.jumpedMs === null) return true;
    const fields = {
      clock: dateOf(nowMs),
      before: dateOf(seen.trustedMs),
      heldUntil: dateOf(seen.jumpedMs + HOLD_MS),
    };
    this.#log.warn("retention: nothing deleted, the clock has jumped", fields);
    return false;
  }

  async #seen(): Promise<SeenClock | null> {
    const stored = await this.#state.getState(KEY);
    return stored === null ? null : (JSON.parse(stored.value) as SeenClock);
  }
}

/** A clock may be set to a year that no date can have. */
function dateOf(epochMs: number): string {
  const date = new Date(epochMs);
  return Number.isNaN(date.getTime()) ? String(epochMs) : date.toISOString();
}
