import type { RateLimit } from "../../../wire/realtime-objects.js";

/** A longer wait is a misread message, or a quota and not a rate. */
const MAX_WAIT_MS = 3_600_000;
/** Only this much of a message is searched. */
const MAX_MESSAGE_CHARS = 1_000;

const STATED_WAIT = /try again in ((?:\d+(?:\.\d+)?\s*[a-z]+\s*){1,4})/i;
const DURATION = /(\d+(?:\.\d+)?)\s*([a-z]+)/gi;

const UNIT_MS = new Map<string, number>([
  ["ms", 1],
  ["millisecond", 1],
  ["milliseconds", 1],
  ["s", 1_000],
  ["sec", 1_000],
  ["second", 1_000],
  ["seconds", 1_000],
  ["m", 60_000],
  ["min", 60_000],
  ["minute", 60_000],
  ["minutes", 60_000],
  ["h", 3_600_000],
  ["hour", 3_600_000],
  ["hours", 3_600_000],
]);

/** True for the codes of a request that was refused because of its rate. */
export function isRateLimit(code: string | null): boolean {
  return code?.endsWith("rate_limit_exceeded") === true;
}

/** "Please try again in 1.2s." → 1200; also "350ms" and "6m0s". Null: no wait is stated. */
export function statedWaitMs(message: string | null): number | null {
  const stated = STATED_WAIT.exec(message?.slice(0, MAX_MESSAGE_CHARS) ?? "")?.[1];
  if (stated === undefined) return null;
  let ms = 0;
  for (const [, count, unit] of stated.matchAll(DURATION)) {
    const unitMs = UNIT_MS.get(unit!.toLowerCase());
    // A word that is not a unit ends the duration: "in 20s visit …".
    if (unitMs === undefined) break;
    ms += Number(count) * unitMs;
  }
  return ms > 0 && ms <= MAX_WAIT_MS ? Math.ceil(ms) : null;
}

/** When there is room again, according to the last `rate_limits.updated`. */
export class RateLimits {
  #resetAtMs: number | null = null;

  updated(limits: readonly RateLimit[], nowMs: number): void {
    let resetAtMs: number | null = null;
    for (const { remaining, resetSeconds } of limits) {
      if (remaining === null || remaining > 0 || resetSeconds === null) continue;
      resetAtMs = Math.max(resetAtMs ?? 0, nowMs + resetSeconds * 1_000);
    }
    this.#resetAtMs = resetAtMs;
  }

  /**
   * How long to wait after a refusal with this code, in ms; null: the server named no wait.
   *
   * @param message  of the refusal. A wait in the message is more precise than the limits.
   */
  retryAfterMs(code: string | null, message: string | null, nowMs: number): number | null {
    if (!isRateLimit(code)) return null;
    const stated = statedWaitMs(message);
    if (stated !== null) return stated;
    if (this.#resetAtMs === null || this.#resetAtMs <= nowMs) return null;
    return Math.min(MAX_WAIT_MS, Math.ceil(this.#resetAtMs - nowMs));
  }
}
