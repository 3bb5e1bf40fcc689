import type { AgentsFile } from "../../domain/agent-profile.js";
import { errorCodeOf } from "../../domain/errors.js";
import type { Clock, Timer } from "../../ports/clock.js";
import type { Log } from "../../ports/log.js";
import { type SharedSums, windowAt } from "./shared-sums.js";

const DAY_MS = 86_400_000;
/** How often processes tell each other what they have spent. */
const SHARE_MS = 10_000;

interface Spent {
  /** Of all processes, as last heard. */
  sharedUsd: number;
  /** Of this process, not shared yet. */
  ownUsd: number;
}

export interface DailySpendingDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly sums: SharedSums;
}

/**
 * What calls have cost today (UTC), by key: an agent, or all outbound calls. A call adds to it
 * without waiting. A few seconds later the other processes know.
 */
export class DailySpending {
  readonly #deps: DailySpendingDeps;
  readonly #spent = new Map<string, Spent>();
  #day: number;
  #timer: Timer | null = null;
  /** The exchange that is under way: only one at a time, so that nothing is shared twice. */
  #sharing: Promise<void> = Promise.resolve();

  constructor(deps: DailySpendingDeps) {
    this.#deps = deps;
    this.#day = this.#today();
  }

  add(key: string, usd: number): void {
    this.#of(key).ownUsd += usd;
  }

  /** In USD. A key that is asked for is kept up to date from then on. */
  todayUsd(key: string): number {
    const { sharedUsd, ownUsd } = this.#of(key);
    return sharedUsd + ownUsd;
  }

  /** @param keys  the keys whose sums are read before the first call. */
  async start(keys: readonly string[]): Promise<void> {
    for (const key of keys) this.#of(key);
    await this.#share();
    this.#schedule();
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = null;
    await this.#share();
  }

  #schedule(): void {
    this.#timer = this.#deps.clock.after(SHARE_MS, () => {
      void this.#share().then(() => {
        if (this.#timer !== null) this.#schedule();
      });
    });
  }

  #share(): Promise<void> {
    this.#sharing = this.#sharing.then(() => this.#shareNow());
    return this.#sharing;
  }

  async #shareNow(): Promise<void> {
    const { sums, log } = this.#deps;
    for (const [key, spent] of this.#spent) {
      const { ownUsd } = spent;
      const name = `spending:${key}`;
      try {
        const sum =
          ownUsd === 0 ? await sums.read(name, DAY_MS) : await sums.add(name, ownUsd, DAY_MS);
        spent.sharedUsd = sum;
        spent.ownUsd -= ownUsd;
      } catch (error) {
        // What is not shared stays in `ownUsd` and counts here.
        log.warn("budget: spending not shared", { code: errorCodeOf(error) }, error);
        return;
      }
    }
  }

  #of(key: string): Spent {
    const today = this.#today();
    if (today !== this.#day) {
      this.#day = today;
      this.#spent.clear();
    }
    let spent = this.#spent.get(key);
    if (spent === undefined) {
      spent = { sharedUsd: 0, ownUsd: 0 };
      this.#spent.set(key, spent);
    }
    return spent;
  }

  #today(): number {
    return windowAt(this.#deps.clock.epochMs(), DAY_MS);
  }
}

/** The key of all calls that the relay has placed. */
export const OUTBOUND_SPENDING = "outbound";

/** The key of an agent's calls, in both directions. */
export function agentSpending(agent: string): string {
  return `agent:${agent}`;
}

/** The keys that are read before the first call, so that a restart does not start the day at 0. */
export function spendingKeys({ agents }: Pick<AgentsFile, "agents">): readonly string[] {
  return [OUTBOUND_SPENDING, ...[...agents.keys()].map(agentSpending)];
}
