import type { AgentRefusal, NoRoom } from "../../domain/refusal-reasons.js";
import type { DailySpending } from "./daily-spending.js";
import { ModelHealth } from "./model-health.js";

/**
 * Decides by measurements whether this process can take one more caller, so that new callers
 * overflow before running calls suffer. The limit on their number (MAX_CALLS) is checked elsewhere.
 * Pure: time is an argument.
 */
export interface AdmissionLimits {
  /**
   * Limit on the share of time that the event loop is busy, 0–1, smoothed. 1 or more: neither load
   * nor lag counts.
   */
  readonly utilisation: number;
}

export type AdmissionRefusal = Extract<NoRoom, "overloaded" | "tokens">;
/** Why a caller goes to the overflow destination. */
export type OverflowReason = NoRoom | AgentRefusal;

/**
 * Time constant of the smoothing: a burst of webhooks or a long garbage collection has little
 * effect.
 */
const SMOOTHING_MS = 10_000;
/**
 * Mean lateness of timers, and so of frames, from which callers overflow: half of what the phone
 * holds (PLAYOUT_LEAD_MS).
 */
const LAG_MS = 80;
/** A single sample counts for at most this: one long pause says less than many short ones. */
const MAX_LAG_SAMPLE_MS = 250;
/**
 * Callers are admitted again when both values have fallen to this share of their limit. Otherwise
 * the decision would oscillate at the limit.
 */
const RELIEF = 0.85;
/**
 * A limit per minute is full again within a minute. A longer wait that the server names must not
 * shut callers out, because the next report may never come.
 */
const MAX_RESET_MS = 60_000;
/** Tokens kept for running calls, as a share of the limit per minute. */
const TOKEN_RESERVE = 0.1;

interface TokenReport {
  readonly remaining: number;
  readonly limit: number;
  /** Until the model's account is full again. */
  readonly resetMs: number;
  readonly atMs: number;
}

export class Admission {
  /** Learns from calls how their sessions fare. It refuses no callers: they get their fallback. */
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
    this.#lagMs += weight * (Math.min(lagMs, MAX_LAG_SAMPLE_MS) - this.#lagMs);
    const { utilisation: most } = this.#limits;
    const share = most >= 1 ? 0 : Math.max(this.#utilisation / most, this.#lagMs / LAG_MS);
    this.#overloaded = this.#overloaded ? share > RELIEF : share >= 1;
  }

  /** The model reports, in any session, what is left of the account's tokens per minute. */
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
