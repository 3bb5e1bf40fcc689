import type { Log } from "../ports/log.js";
import type { SharedState } from "../ports/store.js";

const HOUR_MS = 3_600_000;
/**
 * The longest step of the clock from one sweep to the next, by any process. After a longer one the
 * clock has jumped, or no process has run for so long, which looks the same.
 */
const MAX_STEP_MS = 24 * HOUR_MS;
/**
 * For so long sweeps have to go on after a jump: a person or NTP has that time to set the clock
 * right. Of a service that is off for days again and again, the times in between are not counted.
 */
const HOLD_MS = 24 * HOUR_MS;
const KEY = "retention:clock";
/** Longer than any jump of the database's own clock, which decides when the entry expires. */
const KEPT_MS = 1_000 * 365 * 24 * HOUR_MS;

/** The clock as the sweeps of all processes have seen it, in ms since the epoch. */
export interface SeenClock {
  /** The time of the last sweep at which the clock was trusted. */
  readonly trustedMs: number;
  /** How long sweeps have gone on since a jump; null: there was none, or the clock is trusted again. */
  readonly heldMs: number | null;
  readonly lastMs: number;
}

/** In place of an entry that cannot be read: the clock is trusted as after a jump. */
const UNREADABLE: SeenClock = { trustedMs: 0, heldMs: null, lastMs: 0 };

export interface Judged {
  readonly isTrusted: boolean;
  readonly seen: SeenClock;
}

/**
 * Whether the clock may decide what is too old. After a jump forward it is trusted only when sweeps
 * have gone on for HOLD_MS: what was deleted by a wrong clock cannot be restored.
 *
 * @param before  null: this is the first sweep.
 */
export function judgeClock(before: SeenClock | null, nowMs: number): Judged {
  const trusted = { trustedMs: nowMs, heldMs: null, lastMs: nowMs };
  // With a clock that was set back, too little is deleted and never too much.
  if (before === null || nowMs - before.trustedMs <= MAX_STEP_MS)
    return { isTrusted: true, seen: trusted };
  const { trustedMs, lastMs } = before;
  const stepMs = nowMs - lastMs;
  // A clock that is set back, and is still ahead, begins anew.
  const beforeMs = stepMs < 0 ? 0 : (before.heldMs ?? 0);
  const heldMs = stepMs < 0 || stepMs > MAX_STEP_MS ? beforeMs : beforeMs + stepMs;
  if (heldMs >= HOLD_MS) return { isTrusted: true, seen: trusted };
  return { isTrusted: false, seen: { trustedMs, heldMs, lastMs: nowMs } };
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
    if (isTrusted) return true;
    const fields = {
      clock: dateOf(nowMs),
      before: dateOf(seen.trustedMs),
      heldUntil: dateOf(nowMs + HOLD_MS - (seen.heldMs ?? 0)),
    };
    this.#log.warn("retention: nothing deleted, the clock has jumped", fields);
    return false;
  }

  async #seen(): Promise<SeenClock | null> {
    const stored = await this.#state.getState(KEY);
    return stored === null ? null : (readSeen(stored.value) ?? UNREADABLE);
  }
}

/** Null: it is damaged. */
function readSeen(json: string): SeenClock | null {
  try {
    const seen = JSON.parse(json) as SeenClock;
    const { trustedMs, heldMs, lastMs } = seen;
    return [trustedMs, heldMs ?? 0, lastMs].every(Number.isFinite) ? seen : null;
  } catch {
    return null;
  }
}

/** A clock may be set to a year that no date can have. */
function dateOf(epochMs: number): string {
  const date = new Date(epochMs);
  return Number.isNaN(date.getTime()) ? String(epochMs) : date.toISOString();
}
