import type { WorkerSnapshot } from "../adapters/metrics/snapshot.js";
import { doublingPauses } from "../domain/backoff.js";
import type { CallSid } from "../domain/ids.js";
import type { Clock } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import type { Readiness } from "../relay/calls/call-service.js";
import { AgentsReload, type AgentsReloadDeps } from "./agents-reload.js";
import { CallOwners } from "./call-owners.js";
import { FirstWorker } from "./first-worker.js";
import { FreshHeartbeats } from "./fresh-heartbeats.js";
import type { FromWorker, ReloadFaults, ToWorker, WorkerPorts } from "./messages.js";
import { Shutdown } from "./shutdown.js";
import { StallWatch } from "./stall-watch.js";
import { Worker, type WorkerProcess, type WorkerProcessEvents } from "./worker-process.js";
import { type Slot, WorkerSlots } from "./worker-slots.js";

export interface SupervisorDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly spawn: (slot: number, events: WorkerProcessEvents) => WorkerProcess;
  /** What the workers start with. */
  readonly agents: AgentsReloadDeps["first"];
  /** Reads the agents file again. */
  readonly readAgents: AgentsReloadDeps["read"];
}

export interface SupervisorConfig {
  readonly workers: number;
  /** 0: the first worker takes a free port, and the others share it. */
  readonly publicPort: number;
  readonly drainSeconds: number;
}

/** From the loss of a worker to its replacement. */
const restartPause = doublingPauses(250, 10_000);
/**
 * A worker that lived this long did not fail at its start: the next pause is the first one again.
 */
const STEADY_MS = 60_000;
/**
 * Failing processes that still end their calls beside the one in their slot. A fault that occurs
 * again and again must not fill the machine with processes.
 */
const MAX_RETIRED = 2;

/**
 * Starts the workers of one machine, watches and replaces them, and carries the messages between
 * them. It carries no calls: a call needs its worker only, and goes on while the supervisor is
 * busy.
 */
export class Supervisor {
  readonly #deps: SupervisorDeps;
  readonly #slots: WorkerSlots;
  readonly #owners: CallOwners;
  readonly #shutdown: Shutdown;
  readonly #stallWatch: StallWatch;
  readonly #first: FirstWorker;
  readonly #heartbeats: FreshHeartbeats;
  readonly #reload: AgentsReload;
  #publicPort: number;
  /** An operator asked for it; it holds for workers that start later, too. */
  #refusesCalls = false;
  #lastId = 0;
  #started: {
    readonly resolve: (port: number) => void;
    readonly reject: (error: Error) => void;
  } | null = null;

  constructor(config: SupervisorConfig, deps: SupervisorDeps) {
    const { clock, log, agents: first, readAgents: read } = deps;
    this.#deps = deps;
    this.#publicPort = config.publicPort;
    this.#slots = new WorkerSlots(config.workers, clock);
    this.#owners = new CallOwners(clock, (id, message) => this.#slots.find(id)?.send(message));
    const workers = () => this.#slots.workers;
    this.#shutdown = new Shutdown(clock, config.drainSeconds * 1000, workers);
    this.#stallWatch = new StallWatch(clock, log, workers);
    this.#first = new FirstWorker(clock);
    this.#heartbeats = new FreshHeartbeats(clock, () => this.#slots.up());
    const inPlace = () => this.#inPlace;
    this.#reload = new AgentsReload({ first, read, workers: inPlace, clock, log });
  }

  /**
   * Resolves with the public port once every worker listens. Rejects when one of them cannot start;
   * all are ended then.
   */
  start(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#started = { resolve, reject };
      // When the port is to be chosen, the first worker chooses it.
      const { slots } = this.#slots;
      const first = this.#publicPort === 0 ? slots.slice(0, 1) : slots;
      for (const slot of first) slot.worker = this.#spawn(slot);
      this.#stallWatch.start();
    });
  }

  /** No new calls; resolves once every worker has ended. */
  async drain(): Promise<void> {
    this.#slots.cancelRestarts();
    await this.#ended(this.#shutdown.drain());
  }

  /** Callers go to their fallback; resolves once every worker has ended. */
  async stop(): Promise<void> {
    this.#slots.cancelRestarts();
    await this.#ended(this.#shutdown.abandon());
  }

  /** Ends what is left, at once. */
  async kill(): Promise<void> {
    this.#slots.cancelRestarts();
    await this.#ended(this.#shutdown.kill());
  }

  async #ended(shutdown: Promise<void>): Promise<void> {
    await shutdown;
    this.#stallWatch.stop();
    this.#owners.close();
  }

  /** Reads the agents file again, and has every worker put it in force. @throws when it cannot be read at all. */
  reload(): Promise<ReloadFaults> {
    return this.#reload.request();
  }

  /** No worker accepts new calls any more, after DRAIN_DELAY_SECONDS. All of them go on. */
  refuseCalls(): void {
    this.#refusesCalls = true;
    this.#tellAll({ type: "refuse_calls" });
  }

  #tellAll(message: ToWorker): void {
    for (const worker of this.#inPlace) worker.send(message);
  }

  /** Without those whose place another one has taken. */
  get #inPlace(): readonly Worker[] {
    return this.#slots.workers.filter(({ retired }) => !retired);
  }

  /** `readiness` and `snapshots` tell the state since this was called, where the workers answer. */
  async refresh(): Promise<void> {
    await this.#heartbeats.ask();
  }

  /** Null: a worker has listened. Otherwise resolves when one does, or has not for too long. */
  begun(): Promise<void> | null {
    return this.#first.wait();
  }

  readiness(): Readiness {
    if (this.#refusesCalls || this.#shutdown.phase !== "running")
      return { ready: false, reason: "draining" };
    return this.#slots.readiness();
  }

  snapshots(): readonly WorkerSnapshot[] {
    return this.#slots.snapshots();
  }

  /** Operator ports of workers that answer: the owner of the call first, the others in turn. */
  adminPorts(callSid: CallSid | null): readonly number[] {
    return this.#slots.adminPorts(callSid === null ? null : this.#owners.ownerOf(callSid));
  }

  /** Own public ports of workers that answer. */
  ownPorts(): readonly number[] {
    return this.#slots.ownPorts();
  }

  // --- one worker -----------------------------------------------------------------------------

  #spawn(slot: Slot): Worker {
    const { clock, spawn } = this.#deps;
    const id = ++this.#lastId;
    const process = spawn(slot.number, {
      message: (message) => this.#received(slot, worker, message),
      exited: (how) => this.#exited(slot, worker, how),
    });
    const worker = new Worker(id, slot.number, clock.nowMs(), process);
    this.#slots.add(worker);
    worker.send({ type: "begin", worker: slot.number, publicPort: this.#publicPort });
    // It carries no sound yet, and takes all of them at once.
    for (const part of this.#reload.inForce) worker.send({ type: "agents", reload: 0, part });
    if (this.#refusesCalls) worker.send({ type: "refuse_calls" });
    return worker;
  }

  #received(slot: Slot, worker: Worker, message: FromWorker): void {
    const { clock, log } = this.#deps;
    worker.messageReceived(clock.nowMs());
    switch (message.type) {
      case "listening":
        this.#listening(slot, worker, message);
        return;
      case "heartbeat":
        worker.heartbeat(message);
        return;
      case "drained":
        worker.drained = true;
        this.#owners.drained(worker.id);
        this.#shutdown.workerDrained();
        return;
      case "failing":
        this.#failing(slot, worker);
        return;
      case "reload":
        void this.#reloadFor(worker, message.id);
        return;
      case "reloaded":
        this.#reload.reported(worker, message.reload, message.faults);
        return;
      case "refuse_calls":
        this.refuseCalls();
        return;
      case "refused": {
        const { problem } = message;
        // While calls run, a later start may succeed: a port can be in use for a moment.
        log.error("supervisor: worker cannot start", { worker: slot.number, problem });
        this.#fail(new WorkerRefused(problem));
        return;
      }
      case "several":
        for (const one of message.messages) this.#owners.receive(worker.id, one);
        return;
      default:
        this.#owners.receive(worker.id, message);
    }
  }

  async #reloadFor(worker: Worker, id: number): Promise<void> {
    // What keeps the file from being read has been logged.
    const faults = await this.reload().catch(() => undefined);
    worker.send({ type: "reload_read", id, faults });
  }

  #listening(slot: Slot, worker: Worker, ports: WorkerPorts): void {
    const { publicPort, ownPort, adminPort } = ports;
    worker.ports = { publicPort, ownPort, adminPort };
    this.#first.listens();
    const fields = { worker: slot.number, pid: worker.pid, port: publicPort, ownPort };
    this.#deps.log.info("supervisor: worker listening", fields);
    this.#shutdown.workerListens(worker);
    if (slot.replacement === worker) this.#takeSlot(slot, worker);
    if (this.#publicPort === 0) {
      this.#publicPort = publicPort;
      for (const other of this.#slots.slots) other.worker ??= this.#spawn(other);
    }
    if (this.#slots.allListen) {
      this.#started?.resolve(this.#publicPort);
      this.#started = null;
    }
  }

  #takeSlot(slot: Slot, replacement: Worker): void {
    const former = slot.worker;
    slot.worker = replacement;
    slot.replacement = null;
    if (former === null) return;
    former.retired = true;
    former.send({ type: "retire" });
  }

  /**
   * Replaces a worker after an exception. Its calls go on until they end or the drain time is over.
   */
  #failing(slot: Slot, worker: Worker): void {
    const { clock, log } = this.#deps;
    const isCurrent = slot.worker === worker && slot.replacement === null && slot.restart === null;
    if (!isCurrent || this.#shutdown.phase !== "running" || this.#started !== null) return;
    const fields = { worker: slot.number, pid: worker.pid, calls: worker.calls };
    if (this.#slots.retired(slot).length >= MAX_RETIRED) {
      log.error("supervisor: worker failing, and too many are being replaced", fields);
      return;
    }
    const afterMs = this.#pauseAfter(slot, worker);
    log.error("supervisor: worker failing, will be replaced", { ...fields, afterMs });
    slot.restart = clock.after(afterMs, () => {
      slot.restart = null;
      slot.replacement = this.#spawn(slot);
    });
  }

  #exited(slot: Slot, worker: Worker, how: string): void {
    const { clock, log } = this.#deps;
    this.#slots.delete(worker);
    this.#reload.workerGone(worker.id);
    const calls = this.#owners.workerGone(worker.id);
    const isCurrent = slot.worker === worker;
    if (isCurrent) slot.worker = null;
    if (slot.replacement === worker) slot.replacement = null;
    const fields = { worker: slot.number, pid: worker.pid, how };
    if (this.#shutdown.phase !== "running") {
      log.info("supervisor: worker ended", fields);
      if (this.#shutdown.workerLost(calls)) slot.worker = this.#spawn(slot);
      return;
    }
    if (this.#started !== null) {
      this.#fail(new WorkerRefused(`worker ${slot.number} ended while it started: ${how}`));
      return;
    }
    if (worker.retired) {
      log.info("supervisor: retired worker ended", fields);
      return;
    }
    // A replacement that listens takes the slot in any case.
    if (isCurrent && slot.replacement !== null) return;
    const afterMs = this.#pauseAfter(slot, worker);
    log.error("supervisor: worker lost, will be replaced", { ...fields, calls, afterMs });
    slot.restart?.cancel();
    slot.restart = clock.after(afterMs, () => {
      slot.restart = null;
      if (slot.worker === null) slot.worker = this.#spawn(slot);
      else slot.replacement = this.#spawn(slot);
    });
  }

  #pauseAfter(slot: Slot, worker: Worker): number {
    if (this.#deps.clock.nowMs() - worker.startedMs >= STEADY_MS) slot.failures = 0;
    slot.failures += 1;
    return restartPause(slot.failures) ?? 0;
  }

  #fail(error: Error): void {
    const started = this.#started;
    if (started === null) return;
    this.#started = null;
    void this.kill().then(() => started.reject(error));
  }
}

/** A worker cannot start; the message is the worker's own explanation. */
export class WorkerRefused extends Error {}
