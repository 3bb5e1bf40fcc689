import type { Clock } from "../../ports/clock.js";
import type { Log } from "../../ports/log.js";
import type { CallRegistry } from "./registry.js";

export interface DrainParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly registry: Pick<CallRegistry, "announceDrain" | "beginDrain" | "drained" | "load">;
  /** What a load balancer needs at most to see that this process is not ready. */
  readonly delayMs: number;
  /** How long running calls may continue. */
  readonly drainMs: number;
}

/**
 * Empties a process in three steps: `/ready` answers 503, new callers overflow, running calls end.
 * Between the first two, callers are taken whom a load balancer still sends. An operator, SIGTERM
 * or both begin it.
 */
export class Drain {
  readonly #parts: DrainParts;
  #refusing: Promise<void> | null = null;

  constructor(parts: DrainParts) {
    this.#parts = parts;
  }

  /**
   * Resolves once new callers overflow. The delay counts from the first request, so a SIGTERM that
   * follows an operator's command loses no time.
   */
  refuseCalls(): Promise<void> {
    this.#refusing ??= this.#refuse();
    return this.#refusing;
  }

  /** Refuses new callers. Resolves once the running calls are over or their time is. */
  async empty(): Promise<void> {
    await this.refuseCalls();
    await this.#untilEmpty();
  }

  /** As `empty`, without the delay: another process gets the new callers already. */
  async retire(): Promise<void> {
    const { log, registry } = this.#parts;
    registry.beginDrain();
    log.info("drain: retired", { calls: registry.load });
    await this.#untilEmpty();
  }

  async #refuse(): Promise<void> {
    const { clock, delayMs, log, registry } = this.#parts;
    registry.announceDrain();
    if (delayMs > 0) {
      log.info("drain: not ready", { calls: registry.load, delaySeconds: delayMs / 1000 });
      await new Promise<void>((seen) => clock.after(delayMs, seen));
    }
    registry.beginDrain();
    log.info("drain: no new calls are accepted", { calls: registry.load });
  }

  async #untilEmpty(): Promise<void> {
    const { clock, drainMs, registry } = this.#parts;
    const timeUp = new Promise<void>((resolve) => clock.after(drainMs, resolve));
    await Promise.race([registry.drained(), timeUp]);
  }
}
