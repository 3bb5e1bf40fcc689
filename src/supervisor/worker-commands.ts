import type { ToWorker } from "./messages.js";
import type { WorkerLink } from "./worker-link.js";

type Begin = Extract<ToWorker, { readonly type: "begin" }>;

/** How a worker's life ends, in the order of urgency. */
export type EndCommand = "retire" | "drain" | "abandon" | "stop";

/**
 * The supervisor's messages to a worker, by their kind. A command may arrive before the worker can
 * carry it out, so each is kept as a promise.
 */
export class WorkerCommands {
  readonly begin: Promise<Begin>;
  /** The first command that ends the worker. */
  readonly end: Promise<EndCommand>;
  /** The drain is to end early: "abandon" or "stop" has arrived. */
  readonly abandon: Promise<void>;
  readonly stop: Promise<void>;
  readonly #link: WorkerLink;
  #onReload: () => void = () => undefined;
  #resolveBegin: (begin: Begin) => void = () => undefined;
  #resolveEnd: (command: EndCommand) => void = () => undefined;
  #resolveAbandon: () => void = () => undefined;
  #resolveStop: () => void = () => undefined;

  constructor(link: WorkerLink) {
    this.#link = link;
    this.begin = new Promise((resolve) => {
      this.#resolveBegin = resolve;
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

  /** Call this before the agents file is read: a reload that comes later must not be missed. */
  onReload(reload: () => void): void {
    this.#onReload = reload;
  }

  receive(message: ToWorker): void {
    switch (message.type) {
      case "begin":
        this.#resolveBegin(message);
        return;
      case "reload":
        this.#onReload();
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
}
