import { type AgentsFault, AgentsFileError } from "../config/agents/agents-file.js";
import {
  type AgentsPart,
  PART_PAUSE_MS,
  withFixedParts,
  withOperatorsOf,
} from "../config/agents/agents-parts.js";
import type { Clock } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import type { ReloadFaults } from "./messages.js";
import type { Worker } from "./worker-process.js";

export type ReloadTarget = Pick<Worker, "id" | "slot" | "ports" | "send">;

export interface AgentsReloadDeps {
  /** What is in force at the start. */
  readonly first: readonly AgentsPart[];
  /** Reads the agents file. @throws AgentsFileError with every fault. */
  readonly read: () => Promise<readonly AgentsPart[]>;
  /** Every worker that has its place. */
  readonly workers: () => readonly ReloadTarget[];
  readonly clock: Pick<Clock, "after">;
  readonly log: Log;
}

/**
 * Of a file's faults in an answer, which passes through a worker that carries sound. The log and
 * `murelay config check` have all of them.
 */
const MAX_FAULTS = 100;
/**
 * For the reports of the workers: longer than a tool module may take to load, so that a file which is
 * told to be in force is not refused afterwards.
 */
const REPORT_MS = 25_000;

/** A file on its way to the workers. */
interface Round {
  readonly reload: number;
  /** Those whose report is still to come. */
  readonly waiting: Map<number, ReloadTarget>;
  readonly took: ReloadTarget[];
  readonly refused: ReloadTarget[];
  readonly faults: AgentsFault[];
  /** Every report is there. */
  complete: () => void;
}

/**
 * Reads the agents file again for all workers. They carry sound, so each gets what has been read and
 * checked already, in parts that are taken in at once. A faulty file reaches none; one that a worker
 * refuses, because a tool of it does not load, stays in force in none.
 */
export class AgentsReload {
  readonly #deps: AgentsReloadDeps;
  #inForce: readonly AgentsPart[];
  #lastReload = 0;
  #round: Round | null = null;
  #running: Promise<unknown> | null = null;
  /** It begins once the running one is over, because the file may have changed in between. */
  #next: Promise<ReloadFaults> | null = null;

  constructor(deps: AgentsReloadDeps) {
    this.#deps = deps;
    this.#inForce = deps.first;
  }

  /**
   * For a worker that starts. The file itself may have changed since it was read, and have faults:
   * that one has not been asked for yet.
   */
  get inForce(): readonly AgentsPart[] {
    return this.#inForce;
  }

  /**
   * However often this is asked, at most one file is read at a time, and one more afterwards.
   *
   * @returns the faults for which the file or a worker refused it; null: it is in force.
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

  /** A worker has put a file in force, or refused it. */
  reported({ id, slot }: Pick<Worker, "id" | "slot">, reload: number, faults: ReloadFaults): void {
    const round = this.#round;
    const target = round?.reload === reload ? round.waiting.get(id) : undefined;
    if (round === null || target === undefined) {
      // The worker has logged the faults.
      if (faults !== null)
        this.#deps.log.error("agents: a worker refused the file", { worker: slot });
      return;
    }
    (faults === null ? round.took : round.refused).push(target);
    round.faults.push(...(faults ?? []));
    this.workerGone(id);
  }

  /** No report of it is to come. */
  workerGone(worker: number): void {
    this.#round?.waiting.delete(worker);
    if (this.#round?.waiting.size === 0) this.#round.complete();
  }

  #begin(): Promise<ReloadFaults> {
    const reloading = this.#reload();
    const over = (): void => {
      this.#running = null;
    };
    this.#running = reloading.then(over, over);
    return reloading;
  }

  async #reload(): Promise<ReloadFaults> {
    const { read, log, workers, first } = this.#deps;
    let parts: readonly AgentsPart[];
    try {
      parts = await read();
    } catch (error) {
      if (error instanceof AgentsFileError) {
        log.error("agents: reload refused, the file has faults", { faults: error.message });
        return answered(error.faults);
      }
      log.error("agents: reload refused", {}, error);
      throw error;
    }
    const targets = workers();
    const round = await this.#reportsOf(targets, parts);
    const silent = [...round.waiting.values()];
    const fields = {
      took: slots(round.took),
      refused: slots(round.refused),
      silent: slots(silent),
    };
    if (round.refused.length > 0) {
      log.error("agents: reload refused by workers, nothing changes", fields);
      // One that took it, or does so later, or that starts yet has to agree with the others. It has
      // kept the former file: to build that one anew could fail, as its modules may have changed.
      const others = targets.filter((worker) => !round.refused.includes(worker));
      this.#takeBack(others, round.reload);
      // A worker has the operators in force before its tools are loaded, and does not take them back.
      await this.#putInForce(withOperatorsOf(this.#inForce, parts), targets, round.reload);
      return answered(unique(round.faults));
    }
    if (silent.length > 0)
      log.warn("agents: not every worker has put the file in force yet", fields);
    await this.#putInForce(withFixedParts(parts, first), targets, round.reload);
    return null;
  }

  /** Those that have started since the targets were chosen have what was in force before. */
  async #putInForce(
    parts: readonly AgentsPart[],
    targets: readonly ReloadTarget[],
    reload: number,
  ): Promise<void> {
    if (parts === this.#inForce) return;
    this.#inForce = parts;
    const told = new Set(targets.map(({ id }) => id));
    const others = this.#deps.workers().filter(({ id }) => !told.has(id));
    await this.#send(others, reload, parts);
  }

  /** Ends after REPORT_MS at the latest, with reports missing. */
  async #reportsOf(targets: readonly ReloadTarget[], parts: readonly AgentsPart[]): Promise<Round> {
    // One that starts yet reports when it has started, however long that takes.
    const waiting = new Map(
      targets.filter(({ ports }) => ports !== null).map((one) => [one.id, one]),
    );
    const reload = ++this.#lastReload;
    const round: Round = {
      ...{ reload, waiting, took: [], refused: [], faults: [] },
      complete: () => undefined,
    };
    this.#round = round;
    const complete = new Promise<void>((resolve) => {
      round.complete = resolve;
    });
    await this.#send(targets, reload, parts);
    if (waiting.size > 0) {
      const late = this.#deps.clock.after(REPORT_MS, round.complete);
      await complete;
      late.cancel();
    }
    this.#round = null;
    return round;
  }

  #takeBack(targets: readonly ReloadTarget[], reload: number): void {
    for (const worker of targets)
      try {
        worker.send({ type: "take_back", reload });
      } catch (error) {
        // It ends. The one in its place starts with what is in force.
        this.#deps.log.warn("agents: worker ended in the reload", { worker: worker.slot }, error);
      }
  }

  async #send(
    targets: readonly ReloadTarget[],
    reload: number,
    parts: readonly AgentsPart[],
  ): Promise<void> {
    const { clock, log } = this.#deps;
    let reached = targets;
    for (const part of parts) {
      if (reached.length === 0) return;
      reached = reached.filter((worker) => {
        try {
          worker.send({ type: "agents", reload, part });
          return true;
        } catch (error) {
          log.error("agents: the file did not reach every worker", { worker: worker.slot }, error);
          this.workerGone(worker.id);
          return false;
        }
      });
      await new Promise<void>((resolve) => clock.after(PART_PAUSE_MS, resolve));
    }
  }
}

function answered(faults: readonly AgentsFault[]): readonly AgentsFault[] {
  const more = faults.length - MAX_FAULTS;
  const first = faults.slice(0, MAX_FAULTS);
  const last = first.at(-1);
  if (more <= 0 || last === undefined) return first;
  const problem = `and ${more} more faults: \`murelay config check\` lists all`;
  return [...first, { ...last, path: "", problem }];
}

function slots(workers: readonly ReloadTarget[]): string {
  return workers.map(({ slot }) => slot).join(", ");
}

/** Workers find the same. */
function unique(faults: readonly AgentsFault[]): readonly AgentsFault[] {
  return [...new Map(faults.map((fault) => [JSON.stringify(fault), fault])).values()];
}
