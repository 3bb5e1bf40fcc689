import type { AgentRefusal, NoRoom } from "../../domain/refusal-reasons.js";
import type { DailySpending } from "./daily-spending.js";
import { ModelHealth } from "./model-health.js";

/**
 * Whether this process can take one more caller, by what is measured: so that new callers overflow
 * before those who are talking suffer. How many calls there may be at most (MAX_CALLS) is not
 * judged here. Pure: time is an argument.
 */
export interface AdmissionLimits {
  /**
   * Share of time that the event loop is busy, 0–1, smoothed; 1 or more: neither load nor lag is
   * heeded.
   */
  readonly utilisation: number;
}

export type AdmissionRefusal = Extract<NoRoom, "overloaded" | "tokens">;
/** Why a caller goes to the overflow destination. */
export type OverflowReason = NoRoom | AgentRefusal;

/** A burst of webhooks or a long collection of garbage is over before it weighs. */
const SMOOTHING_MS = 10_000;
/**
 * Mean lateness of timers at which frames are late by as much: half of what Twilio's end has in
 * hand (PLAYOUT_LEAD_MS).
 */
const LAG_MS = 80;
/** One long pause says little; many short ones say much. */
const LAG_SAMPLE_MOST_MS = 250;
/**
 * To admit again, both must have fallen to this share of their limit: else it would flutter at the
 * edge.
 */
const RELIEF = 0.85;
/**
 * A limit by the minute is full again within a minute. A server that names a longer wait, or one of
 * years, must not shut the callers out: the next report may never come.
 */
const MAX_RESET_MS = 60_000;
/** Tokens kept for calls that are running, as a share of the limit a minute. */
const TOKEN_RESERVE = 0.1;

interface TokenReport {
  readonly remaining: number;
  readonly limit: number;
  /** Until the model's account is full again. */
  readonly resetMs: number;
  readonly atMs: number;
}

export class Admission {
  /** Told by the calls about their sessions. Callers are not refused: they get their fallback. */
  readonly model = new ModelHealth();
  /** Null: what calls cost limits nothing. */
  readonly spending: DailySpending | null;
  readonly #limits: AdmissionLimits;
  readonly #tokens = new Map<string, TokenReport>();
  #utilisation = 0;
  #lagMs = 0;
  #sampledMs: number | null = null;
  #overloaded = false;

  constructor(limits: AdmissionLimits, spending: DailySpending | null = null) {
    this.#limits = limits;
    this.spending = spending;
  }

  /**
   * One measurement of the event loop.
   *
   * @param utilisation  busy share of the time since the last one, 0–1.
   * @param lagMs        how late timers were meanwhile.
   */
  sampled(utilisation: number, lagMs: number, nowMs: number): void {
    const sinceMs = this.#sampledMs === null ? 0 : Math.max(0, nowMs - this.#sampledMs);
    this.#sampledMs = nowMs;
    const weight = 1 - Math.exp(-sinceMs / SMOOTHING_MS);
    this.#utilisation += weight * (utilisation - this.#utilisation);
    this.#lagMs += weight * (Math.min(lagMs, LAG_SAMPLE_MOST_MS) - this.#lagMs);
    const { utilisation: most } = this.#limits;
    const share = most >= 1 ? 0 : Math.max(this.#utilisation / most, this.#lagMs / LAG_MS);
    this.#overloaded = this.#overloaded ? share > RELIEF : share >= 1;
  }

  /** What the model says of the account's tokens a minute, in any of its sessions. */
  tokensLeft(
    model: string,
    remaining: number,
    limit: number,
    resetSeconds: number,
    nowMs: number,
  ): void {
    const resetMs = Math.min(MAX_RESET_MS, resetSeconds * 1000);
    // A debt of any size is paid off by then, too: the next report may never come.
    const left = Math.max(0, remaining);
    this.#tokens.set(model, { remaining: left, limit, resetMs, atMs: nowMs });
  }

  get overloaded(): boolean {
    return this.#overloaded;
  }

  /** Null: a caller for an agent with this model may come in. */
  refusal(model: string, nowMs: number): AdmissionRefusal | null {
    if (this.#overloaded) return "overloaded";
    const report = this.#tokens.get(model);
    if (report === undefined || report.limit <= 0) return null;
    // The account fills up evenly until it is full again.
    const { remaining, limit, resetMs, atMs } = report;
    const elapsed = resetMs <= 0 ? 1 : Math.min(1, (nowMs - atMs) / resetMs);
    const left = remaining + (limit - remaining) * elapsed;
    return left < limit * TOKEN_RESERVE ? "tokens" : null;
  }
}
