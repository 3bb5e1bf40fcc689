import type { Log } from "../ports/log.js";
import type { SharedState } from "../ports/store.js";

const HOUR_MS = 3_600_000;
/**
 * From one sweep to the next, by any process. A clock that moves farther has jumped, or no process
 * has run for so long, which looks the same.
 */
const MAX_STEP_MS = 24 * HOUR_MS;
/** From the first sweep after a jump: a person or NTP has so long to set the clock right. */
const HOLD_MS = 24 * HOUR_MS;
const KEY = "retention:clock";
/** The database's own clock may have jumped, too: by less than this. */
const KEPT_MS = 1_000 * 365 * 24 * HOUR_MS;

/** What the sweeps of all processes have seen of the clock, in ms since the epoch. */
export interface SeenClock {
  /** The last sweep whose clock was believed. */
  readonly trustedMs: number;
  /** The first sweep after a jump; null: there was none, or the clock has been believed since. */
  readonly jumpedMs: number | null;
  readonly lastMs: number;
}

export interface Judged {
  readonly isTrusted: boolean;
  readonly seen: SeenClock;
}

/**
 * Whether the clock may decide what is too old. Once it has jumped forward it is believed only after
 * HOLD_MS in which it has gone on from there: what was deleted by a wrong clock cannot be had back.
 *
 * @param before  null: there was no sweep yet.
 */
export function judgeClock(before: SeenClock | null, nowMs: number): Judged {
  const trusted = { trustedMs: nowMs, jumpedMs: null, lastMs: nowMs };
  // A clock that goes back deletes too little, and not too much.
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
