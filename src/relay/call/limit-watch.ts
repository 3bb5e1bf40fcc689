import type { Limits } from "../../domain/agent-profile.js";

/** What a limit asks of the call now. */
export type LimitReached =
  /** Neither side has said anything for a while: ask whether the caller is still there. */
  | "idle_prompt"
  | "idle"
  /** The call may last only a little longer: the caller is told. */
  | "time_warning"
  | "max_call_minutes"
  | "max_cost_usd";

/** How long before the call's end the caller is told; in a short call, in its last fifth. */
const WARNING_MS = 60_000;
const WARNING_SHARE = 0.2;
/** With an idle limit of at least this the caller is asked twice, otherwise once. */
const TWO_PROMPTS_MS = 45_000;

/**
 * Watches the limits of one call: silence, time and money. Reports each limit once, except for
 * silence, which starts anew whenever the caller does something. Asked at every tick, so it
 * allocates nothing.
 */
export class LimitWatch {
  readonly #maxCallMs: number;
  readonly #warnAtMs: number;
  readonly #idleMs: number;
  readonly #prompts: number;
  readonly #maxCostUsd: number;
  #startedMs: number | null = null;
  #idleSinceMs = 0;
  #promptsGiven = 0;
  #warned = false;
  #over = false;

  /**
   * @param processMinutes  the limit of the whole process, in minutes; the agent's own may only be
   * lower.
   */
  constructor(limits: Limits, processMinutes: number) {
    this.#maxCallMs = Math.min(limits.maxCallMinutes, processMinutes) * 60_000;
    this.#warnAtMs = this.#maxCallMs - Math.min(WARNING_MS, this.#maxCallMs * WARNING_SHARE);
    this.#idleMs =
      limits.idleHangupS === null ? Number.POSITIVE_INFINITY : limits.idleHangupS * 1000;
    this.#prompts = this.#idleMs >= TWO_PROMPTS_MS ? 2 : 1;
    this.#maxCostUsd = limits.maxCostUsd ?? Number.POSITIVE_INFINITY;
  }

  /** The caller is on the line. The time of a caller who comes back goes on counting. */
  started(nowMs: number): void {
    this.#startedMs ??= nowMs;
    this.callerActive(nowMs);
  }

  /** The caller speaks, types or answers. */
  callerActive(nowMs: number): void {
    this.#idleSinceMs = nowMs;
    this.#promptsGiven = 0;
  }

  /** The agent speaks or works. What it says because the caller does not answer is no sign of life. */
  agentActive(nowMs: number): void {
    if (this.#promptsGiven === 0) this.#idleSinceMs = nowMs;
  }

  /** The model asks by itself whether the caller is there. */
  modelPrompted(): void {
    this.#promptsGiven = Math.max(1, this.#promptsGiven);
  }

  /**
   * @param silent   nothing is being played, generated or worked on.
   * @param costUsd  what the call has cost so far.
   */
  check(nowMs: number, silent: boolean, costUsd: number): LimitReached | null {
    if (this.#over || this.#startedMs === null) return null;
    const lastedMs = nowMs - this.#startedMs;
    if (lastedMs >= this.#maxCallMs) return this.#end("max_call_minutes");
    if (costUsd >= this.#maxCostUsd) return this.#end("max_cost_usd");
    if (!silent) return null;
    const idleMs = nowMs - this.#idleSinceMs;
    if (idleMs >= this.#idleMs) return this.#end("idle");
    if (!this.#warned && lastedMs >= this.#warnAtMs) {
      this.#warned = true;
      return "time_warning";
    }
    const promptAtMs = (this.#idleMs * (this.#promptsGiven + 1)) / (this.#prompts + 1);
    if (this.#promptsGiven < this.#prompts && idleMs >= promptAtMs) {
      this.#promptsGiven++;
      return "idle_prompt";
    }
    return null;
  }

  #end(limit: LimitReached): LimitReached {
    this.#over = true;
    return limit;
  }
}
