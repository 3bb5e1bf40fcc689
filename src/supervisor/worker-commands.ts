import { AgentsAssembly, type PreparedAgents } from "../config/agents/agents-parts.js";
import type { ToWorker } from "./messages.js";
import type { WorkerLink } from "./worker-link.js";

type Begin = Extract<ToWorker, { readonly type: "begin" }>;

/** How a worker's life ends, in the order of urgency. */
export type EndCommand = "retire" | "drain" | "abandon" | "stop";

/** A command that a worker carries out while it goes on. */
export type RunningCommand =
  | { readonly type: "refuse_calls" }
  /** Send a heartbeat now. */
  | { readonly type: "heartbeat_now"; readonly asked: number }
  /** Put these agents in force. */
  | { readonly type: "agents"; readonly reload: number; readonly agents: PreparedAgents }
  /** The agents of this reload are to be in force no longer. */
  | { readonly type: "take_back"; readonly reload: number };

/**
 * The supervisor's messages to a worker, by their kind. A command may arrive before the worker can
 * carry it out, so each is kept as a promise.
 */
export class WorkerCommands {
  readonly begin: Promise<Begin>;
  /** What the worker starts with. */
  readonly agents: Promise<PreparedAgents>;
  /** The first command that ends the worker. */
  readonly end: Promise<EndCommand>;
  /** The drain is to end early: "abandon" or "stop" has arrived. */
  readonly abandon: Promise<void>;
  readonly stop: Promise<void>;
  readonly #link: WorkerLink;
  /** Commands that arrived before the worker could carry them out. */
  readonly #early = new Map<RunningCommand["type"], RunningCommand>();
  /** Of an agents file whose parts are arriving. */
  #assembly: AgentsAssembly | null = null;
  #onCommand: ((command: RunningCommand) => void) | null = null;
  #resolveBegin: (begin: Begin) => void = () => undefined;
  /** Null: the worker has what it starts with. */
  #resolveAgents: ((agents: PreparedAgents) => void) | null = null;
  #resolveEnd: (command: EndCommand) => void = () => undefined;
  #resolveAbandon: () => void = () => undefined;
  #resolveStop: () => void = () => undefined;

  constructor(link: WorkerLink) {
    this.#link = link;
    this.begin = new Promise((resolve) => {
      this.#resolveBegin = resolve;
    });
    this.agents = new Promise((resolve) => {
      this.#resolveAgents = resolve;
    });
    this.end = new Promise((resolve) => {
      this.#resolveEnd = resolve;
    });
    this.abandon = new Promise((resolve) => {
      this.#resolveAbandon = resolve;
    });
    this.stop = new Promise((resolve) => {
      this.#resolveStop = resolve;
    });
  }

  /** Carries out running commands from now on, those that arrived earlier first. */
  carryOut(onCommand: (command: RunningCommand) => void): void {
    this.#onCommand = onCommand;
    for (const command of this.#early.values()) onCommand(command);
    this.#early.clear();
  }

  receive(message: ToWorker): void {
    switch (message.type) {
      case "begin":
        this.#resolveBegin(message);
        return;
      case "agents":
        this.#receiveAgents(message);
        return;
      case "refuse_calls":
      case "heartbeat_now":
      case "take_back":
        this.#run(message);
        return;
      case "stop":
        this.#resolveStop();
        this.#resolveAbandon();
        this.#resolveEnd("stop");
        return;
      case "abandon":
        this.#resolveAbandon();
        this.#resolveEnd("abandon");
        return;
      case "retire":
      case "drain":
        this.#resolveEnd(message.type);
        return;
      default:
        this.#link.receive(message);
    }
  }

  /** The first whole file is the one to start with; each later one replaces it. */
  #receiveAgents({ reload, part }: Extract<ToWorker, { readonly type: "agents" }>): void {
    if (part.part === "begin") this.#assembly = new AgentsAssembly();
    const agents = this.#assembly?.add(part) ?? null;
    if (agents === null) return;
    this.#assembly = null;
    const resolve = this.#resolveAgents;
    this.#resolveAgents = null;
    if (resolve === null) this.#run({ type: "agents", reload, agents });
    else resolve(agents);
  }

  #run(command: RunningCommand): void {
    if (this.#onCommand === null) this.#early.set(command.type, command);
    else this.#onCommand(command);
  }
}
