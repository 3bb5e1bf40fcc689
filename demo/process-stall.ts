/**
 * Whether this machine let the demo run. The demo judges its own call by ear (no gap in the agent's speech), on whatever
 * machine a newcomer has; where the machine froze the whole process, a gap says nothing about the relay.
 */
const TICK_MS = 5;
/** A tick so much late is remembered; many small ones add up. */
const LATE_MS = 3;
/** How long a stall is felt: the relay has to build up its lead at the phone again. */
const FELT_MS = 1_000;

interface Stall {
  readonly endMs: number;
  readonly lostMs: number;
}

export class ProcessStallMonitor {
  readonly #stalls: Stall[] = [];
  readonly #timer: NodeJS.Timeout;
  #lastMs = performance.now();
  #lastCpuMs = cpuMs();

  constructor() {
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  /** Milliseconds that the machine took from this process in the second before `atMs` (performance.now()). */
  lostBefore(atMs: number): number {
    let lostMs = 0;
    for (const stall of this.#stalls) {
      const feltUntilMs = stall.endMs + FELT_MS;
      if (stall.endMs - stall.lostMs <= atMs && atMs <= feltUntilMs) lostMs += stall.lostMs;
    }
    return lostMs;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const nowMs = performance.now();
    const nowCpuMs = cpuMs();
    const wallMs = nowMs - this.#lastMs;
    // A late tick while this process computed is the relay's (or a simulator's) own doing, and excuses nothing.
    const lostMs = wallMs - TICK_MS - (nowCpuMs - this.#lastCpuMs);
    if (lostMs > LATE_MS) this.#stalls.push({ endMs: nowMs, lostMs });
    this.#lastMs = nowMs;
    this.#lastCpuMs = nowCpuMs;
  }
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
