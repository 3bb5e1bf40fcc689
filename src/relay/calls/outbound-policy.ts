/**
 * Which calls the relay places: a leaked token or a faulty script must not run up a telephone
 * bill. See `outbound` in `docs/agents.md`.
 */
import { sameAddress } from "../../domain/address.js";
import type { AgentsFile, OutboundLimits } from "../../domain/agent-profile.js";
import type { PolicyRefusal } from "../../domain/refusal-reasons.js";
import type { DailySpending } from "./daily-spending.js";
import { OUTBOUND_SPENDING } from "./daily-spending.js";
import type { SharedSums } from "./shared-sums.js";

/** What the numbering plans say of a number in E.164. */
export interface NumberPlans {
  /** Null: calling it costs what calls to its country cost. */
  costly(e164: string): "premium_number" | "satellite_number" | null;
  /** ISO 3166-1 alpha-2; null: no country has this number. */
  country(e164: string): string | null;
}

export interface OutboundPolicyDeps {
  readonly agents: Pick<AgentsFile, "numbers" | "outbound">;
  readonly plans: NumberPlans;
  readonly sums: SharedSums;
  readonly spending: Pick<DailySpending, "todayUsd">;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const ALL_CALLS = "outbound:all";

/** Where the agents file says nothing. */
const NO_LIMITS: OutboundLimits = {
  countries: null,
  maxPerNumberPerHour: null,
  maxPerMinute: null,
  maxUsdPerDay: null,
};

export class OutboundPolicy {
  readonly #deps: OutboundPolicyDeps;

  constructor(deps: OutboundPolicyDeps) {
    this.#deps = deps;
  }

  /**
   * Asks for one call, and counts it when it may be placed.
   *
   * @param to    E.164.
   * @param from  E.164, one of our numbers.
   * @returns     null: it may be placed.
   * @throws RelayError `store_unavailable`: the calls of the other processes are not known.
   */
  async admit(to: string, from: string): Promise<PolicyRefusal | null> {
    const limits = this.#deps.agents.outbound ?? NO_LIMITS;
    return this.#ofNumber(to, from, limits) ?? (await this.#ofCount(to, limits));
  }

  #ofNumber(to: string, from: string, limits: OutboundLimits): PolicyRefusal | null {
    const { agents, plans } = this.#deps;
    const costly = plans.costly(to);
    if (costly !== null) return costly;
    if ([from, ...agents.numbers.keys()].some((own) => sameAddress(own, to))) return "own_number";
    if (limits.countries === null) return null;
    const country = plans.country(to);
    return country !== null && limits.countries.includes(country) ? null : "country_not_allowed";
  }

  async #ofCount(to: string, limits: OutboundLimits): Promise<PolicyRefusal | null> {
    const { sums, spending } = this.#deps;
    const { maxPerNumberPerHour, maxPerMinute, maxUsdPerDay } = limits;
    if (maxUsdPerDay !== null && spending.todayUsd(OUTBOUND_SPENDING) >= maxUsdPerDay)
      return "daily_budget";
    const counted = [
      { key: `outbound:to:${to}`, most: maxPerNumberPerHour, windowMs: HOUR_MS },
      { key: ALL_CALLS, most: maxPerMinute, windowMs: MINUTE_MS },
    ] as const;
    const codes = ["number_limit", "minute_limit"] as const;
    // A refused call must not use up the other limit, so both are read before either is counted.
    for (const [i, { key, most, windowMs }] of counted.entries())
      if (most !== null && (await sums.read(key, windowMs)) >= most) return codes[i] ?? null;
    for (const [i, { key, most, windowMs }] of counted.entries())
      if (most !== null && (await sums.add(key, 1, windowMs)) > most) return codes[i] ?? null;
    return null;
  }
}
