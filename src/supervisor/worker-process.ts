import type { WorkerSnapshot } from "../adapters/metrics/snapshot.js";
import type { Readiness } from "../relay/calls/call-service.js";
import type { FromWorker, Heartbeat, ToWorker, WorkerPorts } from "./messages.js";

/** One worker process, as the supervisor uses it. */
export interface WorkerProcess {
  readonly pid: number;
  /** A message that an ending process no longer takes is lost. */
  send(message: ToWorker): void;
  /** SIGKILL: also ends a process that is stopped or spins. */
  kill(): void;
}

export interface WorkerProcessEvents {
  message(message: FromWorker): void;
  /** Called once, as the last event. */
  exited(how: string): void;
}

/** A worker without a message for this long is stalled: new calls wait in its sockets. */
export const STALLED_MS = 5_000;
/** From the start of a process until it must listen: it loads code and opens the database. */
const START_MS = 30_000;

/** What the supervisor knows of one worker process. */
export class Worker {
  /** Identifies the process among all that this supervisor has started. */
  readonly id: number;
  /** The number that the process works under, from 0. */
  readonly slot: number;
  readonly startedMs: number;
  /** Null until it listens. */
  ports: WorkerPorts | null = null;
  /** Another process has taken its slot. It only ends its calls. */
  retired = false;
  /** No caller depends on it any more. */
  drained = false;
  readonly #process: WorkerProcess;
  #readiness: Readiness | null = null;
  #calls = 0;
  #metrics: WorkerSnapshot["snapshot"] = null;
  #lastMessageMs: number;
  #killed = false;
  #asked = 0;
  /** Those who wait for a heartbeat that was asked for. */
  #waiting: { readonly asked: number; readonly resolve: () => void }[] = [];

  constructor(id: number, slot: number, nowMs: number, process: WorkerProcess) {
    this.id = id;
    this.slot = slot;
    this.startedMs = nowMs;
    this.#lastMessageMs = nowMs;
    this.#process = process;
  }

  get pid(): number {
    return this.#process.pid;
  }

  get readiness(): Readiness {
    return this.#readiness ?? { ready: true, reason: "ok" };
  }

  get calls(): number {
    return this.#calls;
  }

  send(message: ToWorker): void {
    this.#process.send(message);
  }

  kill(): void {
    this.#killed = true;
    this.#process.kill();
  }

  messageReceived(nowMs: number): void {
    this.#lastMessageMs = nowMs;
  }

  /** Resolves with its next state; never where it does not answer. */
  heartbeatNow(): Promise<void> {
    const asked = ++this.#asked;
    this.#process.send({ type: "heartbeat_now", asked });
    return new Promise((resolve) => this.#waiting.push({ asked, resolve }));
  }

  heartbeat({ readiness, calls, metrics, asked: answered = 0 }: Heartbeat): void {
    for (const { asked, resolve } of this.#waiting) if (asked <= answered) resolve();
    this.#waiting = this.#waiting.filter(({ asked }) => asked > answered);
    this.#readiness = readiness;
    this.#calls = calls;
    const process = metrics.process ?? this.#metrics?.process ?? "";
    this.#metrics = { families: metrics.families, process };
  }

  /** It listens and has sent a message recently. */
  isUp(nowMs: number): boolean {
    return this.ports !== null && !this.#killed && nowMs - this.#lastMessageMs < STALLED_MS;
  }

  /** For how long it has been silent if that is too long; otherwise null. */
  stalledForMs(nowMs: number): number | null {
    const silentMs = nowMs - this.#lastMessageMs;
    const isStalled = silentMs >= (this.ports === null ? START_MS : STALLED_MS);
    return isStalled && !this.#killed ? silentMs : null;
  }

  /** The whole machine stood still for this long: the silence is not the worker's fault. */
  forgive(stallMs: number, nowMs: number): void {
    this.#lastMessageMs = Math.min(nowMs, this.#lastMessageMs + stallMs);
  }

  snapshot(nowMs: number): WorkerSnapshot {
    return {
      worker: this.retired ? `${this.slot}-retired` : String(this.slot),
      up: this.isUp(nowMs),
      snapshot: this.#metrics,
    };
  }
}
