import { isDeepStrictEqual } from "node:util";
import { FIXED_PARTS } from "../config/agents/agents-parts.js";
import type { AgentsFile } from "../domain/agent-profile.js";

export type FixedPart = (typeof FIXED_PARTS)[number];

/**
 * An agents file that can be replaced while the relay runs. New callers get the agents of the new
 * file; a running call keeps the profile that it began with.
 */
export class LiveAgents {
  /** Always shows the latest agents and numbers. */
  readonly file: AgentsFile;
  #latest: AgentsFile;
  /** Null: there is none, or it is in force again. */
  #former: AgentsFile | null = null;

  constructor(first: AgentsFile) {
    this.#latest = first;
    const latest = (): AgentsFile => this.#latest;
    this.file = {
      ...first,
      get agents() {
        return latest().agents;
      },
      get numbers() {
        return latest().numbers;
      },
      get outbound() {
        return latest().outbound;
      },
      get defaultAgent() {
        return latest().defaultAgent;
      },
    };
  }

  /** @returns the parts that differ and take effect at the next start only. */
  replace(next: AgentsFile): readonly FixedPart[] {
    this.#former = this.#latest;
    this.#latest = next;
    return FIXED_PARTS.filter((part) => !isDeepStrictEqual(this.file[part], next[part]));
  }

  /**
   * Puts the file before the last one in force again. Its tools are still built.
   *
   * @returns false: there is none.
   */
  takeBack(): boolean {
    if (this.#former === null) return false;
    this.#latest = this.#former;
    this.#former = null;
    return true;
  }
}
