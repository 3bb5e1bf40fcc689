import { PROCESS_STALL_MS } from "../../../domain/stall.js";

/**
 * From the server's last message, or from a request if that is later: then the server is probed.
 */
export const QUIET_MS = 5_000;
/** From a probe: a server that has sent nothing at all since then is dead. */
export const PROBE_MS = 5_000;

/**
 * Tells a slow model from a dead one (contract, F4). A server that owes a reply and is quiet is
 * probed; only a probe without an answer is death. Every message of the server answers a probe.
 *
 * Time in which this process stood still does not count: what the server sent then may be unread.
 */
export class Liveness {
  /** When the server's last message came; at first, when the session began. */
  lastEventMs: number;
  #quietSinceMs: number;
  #lookedMs: number;
  /** Since when the server should have told of a caller whom the relay heard speak. */
  #untoldSinceMs: number | null = null;
  #probedMs: number | null = null;

  constructor(nowMs: number) {
    this.lastEventMs = nowMs;
    this.#quietSinceMs = nowMs;
    this.#lookedMs = nowMs;
  }

  get probing(): boolean {
    return this.#probedMs !== null;
  }

  /** A message of the server came. True: it answers a probe. */
  heard(nowMs: number): boolean {
    const answers = this.#probedMs !== null;
    this.lastEventMs = nowMs;
    this.#quietSinceMs = nowMs;
    this.#untoldSinceMs = null;
    this.#probedMs = null;
    return answers;
  }

  /** A request was sent that the server answers. */
  asked(nowMs: number): void {
    this.#quietSinceMs = nowMs;
  }

  /** The caller has spoken and paused; a living server with turn detection tells of that. */
  callerPaused(nowMs: number): void {
    if (this.#probedMs === null) this.#untoldSinceMs ??= nowMs;
  }

  probed(nowMs: number): void {
    this.#probedMs ??= nowMs;
  }

  /**
   * What is due now. A gap of PROCESS_STALL_MS between two calls counts as a process stall.
   *
   * @param replyDue  the server owes a reply: one is being generated, asked for or expected.
   */
  look(nowMs: number, replyDue: boolean): "nothing" | "probe" | "dead" {
    const gapMs = nowMs - this.#lookedMs;
    this.#lookedMs = nowMs;
    if (gapMs >= PROCESS_STALL_MS) this.#forgive(gapMs, nowMs);
    if (this.#probedMs !== null) return nowMs - this.#probedMs >= PROBE_MS ? "dead" : "nothing";
    const untold = this.#untoldSinceMs !== null && nowMs - this.#untoldSinceMs >= QUIET_MS;
    const quiet = replyDue && nowMs - this.#quietSinceMs >= QUIET_MS;
    return untold || quiet ? "probe" : "nothing";
  }

  #forgive(ms: number, nowMs: number): void {
    this.#quietSinceMs = Math.min(nowMs, this.#quietSinceMs + ms);
    if (this.#untoldSinceMs !== null)
      this.#untoldSinceMs = Math.min(nowMs, this.#untoldSinceMs + ms);
    if (this.#probedMs !== null) this.#probedMs = Math.min(nowMs, this.#probedMs + ms);
  }
}
