import type { RateLimit } from "../../../wire/realtime-objects.js";

/** A wait longer than this is a fault of the message, or a quota rather than a rate. */
const MAX_WAIT_MS = 3_600_000;
/** Only the beginning of a message is searched. */
const MAX_MESSAGE_CHARS = 1_000;

const TOLD_WAIT = /try again in ((?:\d+(?:\.\d+)?\s*[a-z]+\s*){1,4})/i;
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

/** "Please try again in 1.2s." → 1200; also "350ms" and "6m0s". Null: no wait is told. */
export function toldWaitMs(message: string | null): number | null {
  const told = TOLD_WAIT.exec(message?.slice(0, MAX_MESSAGE_CHARS) ?? "")?.[1];
  if (told === undefined) return null;
  let ms = 0;
  for (const [, count, unit] of told.matchAll(DURATION)) {
    const unitMs = UNIT_MS.get(unit!.toLowerCase());
    // A word that is no unit ends the duration: "in 20s visit …".
    if (unitMs === undefined) break;
    ms += Number(count) * unitMs;
  }
  return ms > 0 && ms <= MAX_WAIT_MS ? Math.ceil(ms) : null;
}

/** The limits as `rate_limits.updated` told them last: when there is room again. */
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
   * How long to wait after a refusal with this code, in ms; null: nothing tells of a wait.
   *
   * @param message  of the refusal; a wait that stands in it is the more exact one.
   */
  retryAfterMs(code: string | null, message: string | null, nowMs: number): number | null {
    if (!isRateLimit(code)) return null;
    const told = toldWaitMs(message);
    if (told !== null) return told;
    if (this.#resetAtMs === null || this.#resetAtMs <= nowMs) return null;
    return Math.min(MAX_WAIT_MS, Math.ceil(this.#resetAtMs - nowMs));
  }
}
