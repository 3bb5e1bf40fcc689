/** `<Enqueue>`: named queues and TaskRouter workflows, the wait, the agent who takes the caller. */

import type { TwilioContext } from "./context.js";
import type { Leg } from "./leg.js";
import type { QueueAgents } from "./party.js";
import { actionOf, type Next, STOPPED, type VerbContext, waitFor } from "./program.js";
import type { XmlElement } from "./xml.js";

export interface SimulatedTask {
  readonly sid: string;
  readonly workflowSid: string;
  readonly callSid: string;
  readonly attributes: unknown;
  readonly priority: number;
  readonly timeoutS: number;
}

interface Member {
  readonly leg: Leg;
  readonly sinceMs: number;
  /** An agent has come. Resolves when the talk is over. */
  readonly taken: (talk: Promise<void>) => void;
}

interface Queue {
  readonly sid: string;
  readonly name: string;
  readonly members: Member[];
}

/** Between two fetches of the `waitUrl` document when it plays nothing. */
const WAIT_LOOP_MS = 1000;

export class Queues {
  /** Made by `<Enqueue workflowSid>`. */
  readonly tasks: SimulatedTask[] = [];
  readonly #twilio: TwilioContext;
  readonly #agents: QueueAgents;
  readonly #queues = new Map<string, Queue>();

  constructor(twilio: TwilioContext, agents: QueueAgents) {
    this.#twilio = twilio;
    this.#agents = agents;
  }

  /** Callers waiting in a queue or workflow. */
  waiting(name: string): number {
    return this.#queues.get(name)?.members.length ?? 0;
  }

  async enqueue(verb: XmlElement, context: VerbContext): Promise<Next> {
    const { leg, twilio, signal } = context;
    const workflowSid = verb.attributes["workflowSid"];
    const name = workflowSid ?? verb.text;
    const queue = this.#queue(name);
    if (workflowSid !== undefined) this.#task(verb, workflowSid, leg);
    const most = Number(verb.attributes["maxQueueSize"] ?? 1000);
    const sinceMs = twilio.clock.nowMs();
    const result = (outcome: string) => ({
      QueueResult: outcome,
      QueueSid: queue.sid,
      QueueTime: String(Math.round((twilio.clock.nowMs() - sinceMs) / 1000)),
    });
    if (queue.members.length >= most) return actionOf(verb, result("queue-full"));
    let taken: (talk: Promise<void>) => void = () => {};
    const agent = new Promise<{ talk: Promise<void> }>((resolve) => {
      taken = (talk) => resolve({ talk });
    });
    const member: Member = { leg, sinceMs, taken };
    queue.members.push(member);
    leg.events.add("enqueued", { queue: name, position: queue.members.length });
    if (verb.attributes["waitUrl"] === undefined) leg.setSound("music");
    this.#callAgent(queue, signal);
    // The caller's own wait ends when somebody comes, when its document says Leave, or from outside.
    const stopWaiting = new AbortController();
    const ended = new Promise<"leave" | "hangup">((resolve) => {
      void this.#wait(verb, queue, member, context, stopWaiting.signal).then(resolve);
    });
    const aborted = new Promise<"aborted">((resolve) => {
      if (signal.aborted) resolve("aborted");
      signal.addEventListener("abort", () => resolve("aborted"), { once: true });
    });
    const first = await Promise.race([agent, ended, aborted]);
    stopWaiting.abort();
    const at = queue.members.indexOf(member);
    if (at >= 0) queue.members.splice(at, 1);
    const left = (outcome: string): Next => {
      leg.events.add("queue_left", { queue: name, result: outcome });
      return actionOf(verb, result(outcome));
    };
    if (typeof first === "object") {
      leg.events.add("dial_bridged", { to: `queue:${name}`, sid: "" });
      leg.setBridgedWith(`queue:${name}`);
      await Promise.race([first.talk, aborted]);
      if (!signal.aborted) leg.setBridgedWith(null);
      if (!signal.aborted) return left("bridged");
      return this.#gone(verb, leg, left, leg.over ? "hangup" : "redirected-from-bridged");
    }
    if (first === "aborted") return this.#gone(verb, leg, left, leg.over ? "hangup" : "redirected");
    if (first === "leave") return left("leave");
    left("hangup");
    return { to: "end", why: "hangup" };
  }

  /** `<Dial><Queue>`: takes the first caller. Resolves when the talk is over; false when nobody came. */
  async dequeue(name: string, by: Leg, signal: AbortSignal): Promise<boolean> {
    const member = this.#queue(name).members.shift();
    if (member === undefined) return false;
    await this.#talk(member, by.party.talkMs, signal, by);
    return true;
  }

  /** Twilio asks `action` at once when the caller was moved or went. */
  #gone(verb: XmlElement, leg: Leg, left: (outcome: string) => Next, outcome: string): Next {
    const next = left(outcome);
    if (next.to === "document" && "url" in next.source)
      this.#twilio.callback(
        leg,
        next.source.url,
        leg.form(next.source.form),
        `action of <${verb.name}>`,
      );
    return STOPPED;
  }

  #callAgent(queue: Queue, signal: AbortSignal): void {
    const agent = this.#agents(queue.name);
    if (agent === null) return;
    this.#twilio.clock.after(agent.afterMs, () => {
      const member = queue.members.shift();
      if (member !== undefined) void this.#talk(member, agent.talkMs, signal, null);
    });
  }

  async #talk(
    member: Member,
    talkMs: number | undefined,
    signal: AbortSignal,
    by: Leg | null,
  ): Promise<void> {
    const over = new Promise<void>((resolve) => {
      member.leg.onEnd(resolve);
      by?.onEnd(resolve);
      signal.addEventListener("abort", () => resolve(), { once: true });
      if (talkMs !== undefined) this.#twilio.clock.after(talkMs, resolve);
    });
    member.taken(over);
    await over;
  }

  async #wait(
    verb: XmlElement,
    queue: Queue,
    member: Member,
    context: VerbContext,
    stop: AbortSignal,
  ): Promise<"leave" | "hangup"> {
    const url = verb.attributes["waitUrl"];
    const { twilio, leg, signal } = context;
    if (url === undefined || url === "") return new Promise<never>(() => {});
    for (;;) {
      const position = queue.members.indexOf(member) + 1;
      const waitedS = Math.round((twilio.clock.nowMs() - member.sinceMs) / 1000);
      leg.events.add("queue_wait", { queue: queue.name, position });
      const startedMs = twilio.clock.nowMs();
      const next = await context.runDocument({
        url,
        waiting: true,
        form: {
          QueueSid: queue.sid,
          QueuePosition: String(position),
          QueueTime: String(waitedS),
          AvgQueueTime: String(waitedS),
          CurrentQueueSize: String(queue.members.length),
          MaxQueueSize: verb.attributes["maxQueueSize"] ?? "1000",
        },
      });
      if (stop.aborted || signal.aborted) return new Promise<never>(() => {});
      if (next.to === "end" && next.why === "leave") return "leave";
      if (next.to === "end" && next.why === "hangup") return "hangup";
      // A document that plays nothing must not be asked for a thousand times a second.
      const spentMs = twilio.clock.nowMs() - startedMs;
      if (spentMs < WAIT_LOOP_MS / twilio.speed)
        await waitFor(twilio, WAIT_LOOP_MS / twilio.speed - spentMs, signal);
      if (stop.aborted || signal.aborted) return new Promise<never>(() => {});
    }
  }

  #task(verb: XmlElement, workflowSid: string, leg: Leg): void {
    const task = verb.children.find((child) => child.name === "Task");
    let attributes: unknown = {};
    try {
      attributes = JSON.parse(task?.text ?? "{}");
    } catch {
      // Said already, when the document was checked.
      attributes = null;
    }
    this.tasks.push({
      sid: this.#twilio.sid("WT"),
      workflowSid,
      callSid: leg.sid,
      attributes,
      priority: Number(task?.attributes["priority"] ?? 0),
      timeoutS: Number(task?.attributes["timeout"] ?? 86_400),
    });
  }

  #queue(name: string): Queue {
    let queue = this.#queues.get(name);
    if (queue === undefined) {
      queue = { sid: this.#twilio.sid("QU"), name, members: [] };
      this.#queues.set(name, queue);
    }
    return queue;
  }
}
