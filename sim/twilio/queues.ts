/** Named queues and TaskRouter workflows: who waits in them, and the tasks that callers make. */
import type { SimClock } from "../clock.js";
import type { CallLeg } from "./call-leg.js";
import type { QueueAgents } from "./party.js";

export interface SimulatedTask {
  readonly sid: string;
  readonly workflowSid: string;
  readonly callSid: string;
  readonly attributes: unknown;
  readonly priority: number;
  readonly timeoutS: number;
}

export interface QueueMember {
  readonly leg: CallLeg;
  readonly sinceMs: number;
  /** An agent has come. Resolves when the talk is over. */
  readonly taken: (talk: Promise<void>) => void;
}

export interface Queue {
  readonly sid: string;
  readonly name: string;
  readonly members: QueueMember[];
}

export class Queues {
  /** Made by `<Enqueue workflowSid>`. */
  readonly tasks: SimulatedTask[] = [];
  readonly #clock: SimClock;
  readonly #agents: QueueAgents;
  readonly #sid: (prefix: string) => string;
  readonly #queues = new Map<string, Queue>();

  constructor(clock: SimClock, agents: QueueAgents, sid: (prefix: string) => string) {
    this.#clock = clock;
    this.#agents = agents;
    this.#sid = sid;
  }

  /** Callers waiting in a queue or workflow. */
  waiting(name: string): number {
    return this.#queues.get(name)?.members.length ?? 0;
  }

  queue(name: string): Queue {
    let queue = this.#queues.get(name);
    if (queue === undefined) {
      queue = { sid: this.#sid("QU"), name, members: [] };
      this.#queues.set(name, queue);
    }
    return queue;
  }

  /** An agent, where the test has one for this queue, comes and takes the first caller. */
  callAgent(queue: Queue, signal: AbortSignal): void {
    const agent = this.#agents(queue.name);
    if (agent === null) return;
    this.#clock.after(agent.afterMs, () => {
      const member = queue.members.shift();
      if (member !== undefined) void this.talk(member, agent.talkMs, signal, null);
    });
  }

  /** Connects a caller with who took them. Resolves when the talk is over. */
  async talk(
    member: QueueMember,
    talkMs: number | undefined,
    signal: AbortSignal,
    by: CallLeg | null,
  ): Promise<void> {
    const over = new Promise<void>((resolve) => {
      member.leg.onEnd(resolve);
      by?.onEnd(resolve);
      signal.addEventListener("abort", () => resolve(), { once: true });
      if (talkMs !== undefined) this.#clock.after(talkMs, resolve);
    });
    member.taken(over);
    await over;
  }
}
