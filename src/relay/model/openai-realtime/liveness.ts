import { PROCESS_STALL_MS } from "../../../domain/stall.js";

/**
 * From the server's last message, or from a later request, until the server is probed.
 */
export const QUIET_MS = 5_000;
/** From a probe until the server is considered dead, if it has sent nothing at all since. */
export const PROBE_MS = 5_000;

/**
 * Distinguishes a slow model from a dead one (promise F4). A server from which a reply is due and
 * that sends nothing is probed. It is dead only if it does not answer the probe; any message counts
 * as an answer.
 *
 * Time in which this process was stalled does not count: messages of that time may be unread.
 */
export class Liveness {
  /** When the server's last message arrived. Before the first message, when the session began. */
  lastEventMs = 0;
  // Fields that begin as undefined hold any value: each new fraction would be an object of its own.
  #quietSinceMs = 0;
  #checkedMs = 0;
  /** When local VAD detected speech that the server has not reported; null: there is none. */
  #unreportedSinceMs: number | null = null;
  #probedMs: number | null = null;

  constructor(nowMs: number) {
    this.lastEventMs = nowMs;
    this.#quietSinceMs = nowMs;
    this.#checkedMs = nowMs;
  }

  get probing(): boolean {
    return this.#probedMs !== null;
  }

  /** A message of the server arrived. True: it answers a probe. */
  received(nowMs: number): boolean {
    const answers = this.#probedMs !== null;
    this.lastEventMs = nowMs;
    this.#quietSinceMs = nowMs;
    this.#unreportedSinceMs = null;
    this.#probedMs = null;
    return answers;
  }

  /** A request was sent that the server has to answer. */
  asked(nowMs: number): void {
    this.#quietSinceMs = nowMs;
  }

  /** Local VAD detected that the caller spoke and paused. A live server reports that. */
  callerPaused(nowMs: number): void {
    if (this.#probedMs === null) this.#unreportedSinceMs ??= nowMs;
  }

  probed(nowMs: number): void {
    this.#probedMs ??= nowMs;
  }

  /**
   * What is due now. A gap of PROCESS_STALL_MS between two calls counts as a process stall.
   *
   * @param replyDue  a reply is being generated, was requested, or is expected.
   */
  check(nowMs: number, replyDue: boolean): "nothing" | "probe" | "dead" {
    const gapMs = nowMs - this.#checkedMs;
    this.#checkedMs = nowMs;
    if (gapMs >= PROCESS_STALL_MS) this.#excuse(gapMs, nowMs);
    if (this.#probedMs !== null) return nowMs - this.#probedMs >= PROBE_MS ? "dead" : "nothing";
    const unreported =
      this.#unreportedSinceMs !== null && nowMs - this.#unreportedSinceMs >= QUIET_MS;
    const quiet = replyDue && nowMs - this.#quietSinceMs >= QUIET_MS;
    return unreported || quiet ? "probe" : "nothing";
  }

  #excuse(ms: number, nowMs: number): void {
    this.#quietSinceMs = Math.min(nowMs, this.#quietSinceMs + ms);
    if (this.#unreportedSinceMs !== null)
      this.#unreportedSinceMs = Math.min(nowMs, this.#unreportedSinceMs + ms);
    if (this.#probedMs !== null) this.#probedMs = Math.min(nowMs, this.#probedMs + ms);
  }
}
