import type { WorkerSnapshot } from "../adapters/metrics/snapshot.js";
import type { Clock, Timer } from "../ports/clock.js";
import type { Readiness } from "../relay/calls/call-service.js";
import type { Worker } from "./worker-process.js";

/** The place of one worker. A failing process is replaced by another one in the same slot. */
export interface Slot {
  readonly number: number;
  worker: Worker | null;
  /** A process that starts, and takes the slot when it listens. */
  replacement: Worker | null;
  /** Losses in a row. */
  failures: number;
  restart: Timer | null;
}

/** The slots of a machine, and every process that has not exited, including retired ones. */
export class WorkerSlots {
  readonly slots: readonly Slot[];
  readonly #clock: Clock;
  readonly #workers = new Map<number, Worker>();
  #turn = 0;

  constructor(count: number, clock: Clock) {
    this.#clock = clock;
    this.slots = Array.from({ length: count }, (_, number) => ({
      number,
      worker: null,
      replacement: null,
      failures: 0,
      restart: null,
    }));
  }

  /** Every process that has not exited. */
  get workers(): readonly Worker[] {
    return [...this.#workers.values()];
  }

  get allListen(): boolean {
    return this.slots.every(({ worker }) => worker?.ports != null);
  }

  find(id: number): Worker | undefined {
    return this.#workers.get(id);
  }

  add(worker: Worker): void {
    this.#workers.set(worker.id, worker);
  }

  delete(worker: Worker): void {
    this.#workers.delete(worker.id);
  }

  /** Processes that were replaced and still end their calls. */
  retired(slot: Slot): readonly Worker[] {
    return this.workers.filter((worker) => worker.retired && worker.slot === slot.number);
  }

  /** The workers in slots that answer. */
  up(): readonly Worker[] {
    const nowMs = this.#clock.nowMs();
    return this.slots.flatMap(({ worker }) => (worker?.isUp(nowMs) === true ? [worker] : []));
  }

  /** Ready when one worker is; otherwise the reason of the first. */
  readiness(): Readiness {
    const up = this.up();
    const ready = up.find(({ readiness }) => readiness.ready);
    return ready?.readiness ?? up[0]?.readiness ?? { ready: false, reason: "no_worker" };
  }

  /** One per slot, and one per slot with retired processes. */
  snapshots(): readonly WorkerSnapshot[] {
    const nowMs = this.#clock.nowMs();
    const inSlots = this.slots.map(
      ({ number, worker }) =>
        worker?.snapshot(nowMs) ?? { worker: String(number), up: false, snapshot: null },
    );
    // Two retired processes of one slot would be the same series: the newest counts.
    const retired = new Map(
      this.workers
        .filter((worker) => worker.retired)
        .map((worker) => [worker.slot, worker.snapshot(nowMs)]),
    );
    return [...inSlots, ...retired.values()];
  }

  /** Operator ports of workers that answer: the owner first, the others in turn. */
  adminPorts(owner: number | null): readonly number[] {
    const turn = this.#turn++;
    const up = this.up();
    return up
      .map((_, i) => up[(i + turn) % up.length]!)
      .sort((a, b) => Number(b.id === owner) - Number(a.id === owner))
      .flatMap(({ ports }) => (ports === null ? [] : [ports.adminPort]));
  }

  /** Own public ports of workers that answer. */
  ownPorts(): readonly number[] {
    return this.up().flatMap(({ ports }) => (ports === null ? [] : [ports.ownPort]));
  }

  cancelRestarts(): void {
    for (const slot of this.slots) {
      slot.restart?.cancel();
      slot.restart = null;
    }
  }
}
