import type { WorkerSnapshot } from "../adapters/metrics/snapshot.js";
import type { CallSid } from "../domain/ids.js";
import { PROCESS_STALL_MS } from "../domain/stall.js";
import type { Clock, Timer } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import type { Readiness } from "../relay/calls/call-service.js";
import { CallOwners } from "./call-owners.js";
import type { FromWorker, ToWorker, WorkerPorts } from "./messages.js";

/** One worker process, as far as the supervisor handles it. */
export interface WorkerProcess {
  readonly pid: number;
  /** What a process that is going no longer takes is lost. */
  send(message: ToWorker): void;
  /** SIGKILL: also ends one that is stopped or spins. */
  kill(): void;
}

export interface WorkerProcessEvents {
  message(message: FromWorker): void;
  /** Once, last. */
  exited(how: string): void;
}

export interface SupervisorDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly spawn: (worker: number, events: WorkerProcessEvents) => WorkerProcess;
}

export interface SupervisorConfig {
  readonly workers: number;
  /** 0: the first worker takes a free one, and the others share it. */
  readonly publicPort: number;
  readonly drainSeconds: number;
}

/** A worker that says nothing for so long is stalled: its share of new calls waits in its sockets. */
const STALLED_MS = 5_000;
/** Loading and opening the database. */
const START_MS = 30_000;
const WATCH_MS = 500;
const FIRST_RESTART_MS = 250;
const LONGEST_RESTART_MS = 10_000;
/** A worker that lived so long has not failed at its start. */
const STEADY_MS = 60_000;
/** Over DRAIN_SECONDS: closing takes a moment. */
const STOP_GRACE_MS = 5_000;

interface Seat {
  readonly worker: number;
  process: WorkerProcess | null;
  /** Null until it listens. */
  ports: WorkerPorts | null;
  startedMs: number;
  heardMs: number;
  /** It was stalled and is being ended. */
  doomed: boolean;
  /** Its calls are over. */
  drained: boolean;
  readiness: Readiness | null;
  calls: number;
  metrics: WorkerSnapshot["snapshot"];
  restartMs: number;
  restart: Timer | null;
}

/**
 * Starts the workers of one machine, watches and replaces them, and carries what they say to each other. It carries no call: a
 * call needs its worker only, and goes on while the supervisor is busy.
 */
export class Supervisor {
  readonly #config: SupervisorConfig;
  readonly #deps: SupervisorDeps;
  readonly #seats: Seat[];
  readonly #holders: CallOwners;
  #publicPort: number;
  #draining = false;
  #watch: Timer | null = null;
  #started: {
    readonly resolve: (port: number) => void;
    readonly reject: (error: Error) => void;
  } | null = null;
  #over: (() => void)[] = [];
  #stopTimer: Timer | null = null;
  #next = 0;

  constructor(config: SupervisorConfig, deps: SupervisorDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#publicPort = config.publicPort;
    this.#seats = Array.from({ length: config.workers }, (_, worker) => ({
      worker,
      process: null,
      ports: null,
      startedMs: 0,
      heardMs: 0,
      doomed: false,
      drained: false,
      readiness: null,
      calls: 0,
      metrics: null,
      restartMs: FIRST_RESTART_MS,
      restart: null,
    }));
    this.#holders = new CallOwners(deps.clock, (worker, message) =>
      this.#seats[worker]?.process?.send(message),
    );
  }

  /**
   * Resolves with the public port once every worker listens.
   *
   * Rejects when one of them says that it cannot; all are ended then.
   */
  start(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#started = { resolve, reject };
      // With a port that is yet to be found, the first worker finds it.
      const first = this.#publicPort === 0 ? this.#seats.slice(0, 1) : this.#seats;
      for (const seat of first) this.#spawn(seat);
      this.#watchOn();
    });
  }

  /** New callers overflow; resolves once every worker has ended. */
  drain(): Promise<void> {
    this.#draining = true;
    for (const seat of this.#seats) {
      seat.restart?.cancel();
      seat.restart = null;
      seat.process?.send({ type: "drain" });
    }
    const patienceMs = this.#config.drainSeconds * 1000 + STOP_GRACE_MS;
    this.#stopTimer ??= this.#deps.clock.after(patienceMs, () => this.kill());
    return this.#allEnded();
  }

  /** Callers go to their fallback; resolves once every worker has ended. */
  stop(): Promise<void> {
    this.#draining = true;
    this.#stopTimer?.cancel();
    for (const seat of this.#seats) {
      seat.restart?.cancel();
      seat.restart = null;
      seat.process?.send({ type: "stop" });
    }
    this.#stopTimer = this.#deps.clock.after(STOP_GRACE_MS, () => this.kill());
    return this.#allEnded();
  }

  /** Ends what is left, at once. */
  kill(): void {
    this.#draining = true;
    for (const seat of this.#seats) seat.process?.kill();
  }

  readiness(): Readiness {
    if (this.#draining) return { ready: false, reason: "draining" };
    const up = this.#seats.filter((seat) => this.#isUp(seat));
    if (up.length === 0) return { ready: false, reason: "no_worker" };
    const ready = up.find((seat) => seat.readiness?.ready === true);
    return ready?.readiness ?? up[0]?.readiness ?? { ready: false, reason: "no_worker" };
  }

  snapshots(): readonly WorkerSnapshot[] {
    return this.#seats.map((seat) => ({
      worker: String(seat.worker),
      up: this.#isUp(seat),
      snapshot: seat.metrics,
    }));
  }

  /** Operator ports of workers that answer; that of the call's holder first, else each in turn. */
  adminPorts(callSid: CallSid | null): readonly number[] {
    const holder = callSid === null ? null : this.#holders.ownerOf(callSid);
    const turn = this.#next++;
    return this.#seats
      .map((_, i) => this.#seats[(i + turn) % this.#seats.length]!)
      .filter((seat) => this.#isUp(seat))
      .sort((a, b) => Number(b.worker === holder) - Number(a.worker === holder))
      .flatMap((seat) => (seat.ports === null ? [] : [seat.ports.adminPort]));
  }

  /** Pids by worker, null where there is none: for the log and for tests. */
  get pids(): readonly (number | null)[] {
    return this.#seats.map((seat) => seat.process?.pid ?? null);
  }

  // --- one worker -----------------------------------------------------------------------------------

  #isUp(seat: Seat): boolean {
    if (seat.process === null || seat.ports === null || seat.doomed) return false;
    return this.#deps.clock.nowMs() - seat.heardMs < STALLED_MS;
  }

  #spawn(seat: Seat): void {
    const { clock, spawn } = this.#deps;
    const nowMs = clock.nowMs();
    seat.startedMs = nowMs;
    seat.heardMs = nowMs;
    seat.doomed = false;
    const process = spawn(seat.worker, {
      message: (message) => {
        if (seat.process === process) this.#said(seat, message);
      },
      exited: (how) => {
        if (seat.process === process) this.#exited(seat, how);
      },
    });
    seat.process = process;
    process.send({ type: "begin", worker: seat.worker, publicPort: this.#publicPort });
  }

  #said(seat: Seat, message: FromWorker): void {
    seat.heardMs = this.#deps.clock.nowMs();
    switch (message.type) {
      case "listening":
        this.#listening(seat, message);
        return;
      case "drained":
        seat.drained = true;
        this.#stopDrained();
        return;
      case "refused":
        // Once calls run, another worker may have better luck later: a port can be taken for a moment.
        this.#deps.log.error("a worker cannot start", {
          worker: seat.worker,
          problem: message.problem,
        });
        this.#fail(new WorkerRefused(message.problem));
        return;
      case "pulse":
        seat.readiness = message.readiness;
        seat.calls = message.calls;
        seat.metrics = {
          families: message.metrics.families,
          process: message.metrics.process ?? seat.metrics?.process ?? "",
        };
        return;
      default:
        this.#holders.said(seat.worker, message);
    }
  }

  #listening(seat: Seat, ports: WorkerPorts): void {
    seat.ports = {
      publicPort: ports.publicPort,
      ownPort: ports.ownPort,
      adminPort: ports.adminPort,
    };
    seat.readiness ??= { ready: true, reason: "ok" };
    if (this.#draining) seat.process?.send({ type: "drain" });
    this.#deps.log.info("worker listens", {
      worker: seat.worker,
      pid: seat.process?.pid ?? 0,
      port: ports.publicPort,
      ownPort: ports.ownPort,
    });
    if (this.#publicPort === 0) {
      this.#publicPort = ports.publicPort;
      for (const other of this.#seats) if (other.process === null) this.#spawn(other);
    }
    if (this.#seats.every((one) => one.ports !== null)) {
      this.#started?.resolve(this.#publicPort);
      this.#started = null;
    }
  }

  #exited(seat: Seat, how: string): void {
    const { clock, log } = this.#deps;
    const livedMs = clock.nowMs() - seat.startedMs;
    seat.process = null;
    seat.ports = null;
    seat.readiness = null;
    seat.metrics = null;
    seat.calls = 0;
    const calls = this.#holders.gone(seat.worker);
    if (this.#draining) {
      log.info("worker ended", { worker: seat.worker, how });
      this.#stopDrained();
      this.#wake();
      return;
    }
    if (this.#started !== null) {
      this.#fail(new WorkerRefused(`worker ${seat.worker} ended while it started: ${how}`));
      return;
    }
    if (livedMs >= STEADY_MS) seat.restartMs = FIRST_RESTART_MS;
    log.error("worker lost; another takes its place", {
      worker: seat.worker,
      how,
      calls,
      afterMs: seat.restartMs,
    });
    seat.restart = clock.after(seat.restartMs, () => {
      seat.restart = null;
      this.#spawn(seat);
    });
    seat.restartMs = Math.min(seat.restartMs * 2, LONGEST_RESTART_MS);
  }

  #look(dueMs: number): void {
    const { clock, log } = this.#deps;
    const nowMs = clock.nowMs();
    const lateMs = nowMs - dueMs;
    // The machine stood still, and the workers with it: nobody is to be ended for having been silent then.
    if (lateMs >= PROCESS_STALL_MS)
      for (const seat of this.#seats) seat.heardMs = Math.min(nowMs, seat.heardMs + lateMs);
    for (const seat of this.#seats) {
      if (seat.process === null || seat.doomed) continue;
      const silentMs = nowMs - seat.heardMs;
      if (silentMs < (seat.ports === null ? START_MS : STALLED_MS)) continue;
      log.error("worker stalled; it is ended", {
        worker: seat.worker,
        silentMs: Math.round(silentMs),
      });
      seat.doomed = true;
      seat.process.kill();
    }
    this.#watchOn();
  }

  #watchOn(): void {
    const { clock } = this.#deps;
    const dueMs = clock.nowMs() + WATCH_MS;
    this.#watch = clock.after(WATCH_MS, () => this.#look(dueMs));
  }

  // --- the end --------------------------------------------------------------------------------------

  /** They end together: what still comes of one's calls may reach any of them. */
  #stopDrained(): void {
    const left = this.#seats.filter((seat) => seat.process !== null);
    if (left.length > 0 && left.every((seat) => seat.drained))
      for (const seat of left) seat.process?.send({ type: "stop" });
  }

  #fail(error: Error): void {
    const started = this.#started;
    if (started === null) return;
    this.#started = null;
    this.kill();
    void this.#allEnded().then(() => started.reject(error));
  }

  #allEnded(): Promise<void> {
    return new Promise((resolve) => {
      this.#over.push(resolve);
      this.#wake();
    });
  }

  #wake(): void {
    if (this.#seats.some((seat) => seat.process !== null)) return;
    this.#watch?.cancel();
    this.#stopTimer?.cancel();
    this.#holders.close();
    for (const over of this.#over.splice(0)) over();
  }
}

/** A worker's own words on why it cannot start. */
export class WorkerRefused extends Error {}
