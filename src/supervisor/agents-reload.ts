import { type AgentsFault, AgentsFileError } from "../config/agents/agents-file.js";
import { type AgentsPart, PART_PAUSE_MS, withFixedParts } from "../config/agents/agents-parts.js";
import type { Clock } from "../ports/clock.js";
import type { Log } from "../ports/log.js";

/** Null: the file has no faults, and is on its way to the workers. */
export type ReloadFaults = readonly AgentsFault[] | null;

export interface AgentsReloadDeps {
  /** What is in force at the start. */
  readonly first: readonly AgentsPart[];
  /** Reads the agents file. @throws AgentsFileError with every fault. */
  readonly read: () => Promise<readonly AgentsPart[]>;
  /** Sends a part to every worker that had its place when the file was read. */
  readonly send: (part: AgentsPart) => void;
  readonly clock: Pick<Clock, "after">;
  readonly log: Log;
}

interface Read {
  /** None: the file has faults. */
  readonly parts: readonly AgentsPart[];
  readonly faults: ReloadFaults;
}

/**
 * Reads the agents file again for all workers. They carry sound, so each gets what has been read and
 * checked already, in parts that are taken in at once. A faulty file reaches none.
 */
export class AgentsReload {
  readonly #deps: AgentsReloadDeps;
  #inForce: readonly AgentsPart[];
  #running: Promise<unknown> | null = null;
  /** It begins once the running one is over, because the file may have changed in between. */
  #next: Promise<ReloadFaults> | null = null;

  constructor(deps: AgentsReloadDeps) {
    this.#deps = deps;
    this.#inForce = deps.first;
  }

  /**
   * For a worker that starts. The file itself may have changed since it was read, and have faults:
   * nobody has asked for that one yet.
   */
  get inForce(): readonly AgentsPart[] {
    return this.#inForce;
  }

  /**
   * However often this is asked, at most one file is read at a time, and one more afterwards.
   *
   * @throws whatever keeps a file from being read, but for its faults; it has been logged.
   */
  request(): Promise<ReloadFaults> {
    if (this.#running === null) return this.#begin();
    this.#next ??= this.#running.then(() => {
      this.#next = null;
      return this.#begin();
    });
    return this.#next;
  }

  #begin(): Promise<ReloadFaults> {
    const reading = this.#read();
    this.#running = this.#sendAll(reading).finally(() => {
      this.#running = null;
    });
    return reading.then(({ faults }) => faults);
  }

  async #read(): Promise<Read> {
    const { read, log } = this.#deps;
    try {
      return { parts: await read(), faults: null };
    } catch (error) {
      if (error instanceof AgentsFileError) {
        log.error("agents: reload refused, the file has faults", { faults: error.message });
        return { parts: [], faults: error.faults };
      }
      log.error("agents: reload refused", {}, error);
      throw error;
    }
  }

  /** Never rejects. What kept the file from being read has been logged. */
  async #sendAll(reading: Promise<Read>): Promise<void> {
    const { send, clock, log, first } = this.#deps;
    const { parts } = await reading.catch(() => ({ parts: [] }));
    if (parts.length > 0) this.#inForce = withFixedParts(parts, first);
    try {
      for (const part of parts) {
        send(part);
        await new Promise<void>((resolve) => clock.after(PART_PAUSE_MS, resolve));
      }
    } catch (error) {
      log.error("agents: the file did not reach every worker", {}, error);
    }
  }
}
