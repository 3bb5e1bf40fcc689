/**
 * Measures how long the machine stopped this process. The demo checks that the agent's speech has
 * no gap, on any machine. Where the machine froze the whole process, a gap is not the relay's.
 */
const TICK_MS = 5;
/** A tick that is later than this counts; many short stalls add up. */
const LATE_MS = 3;
/** A stall has effects for this long: the relay has to build up its lead at the phone again. */
const EFFECT_MS = 1_000;

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

  /** Ms that the machine took from this process in the second before `atMs` (performance.now()). */
  lostBefore(atMs: number): number {
    let lostMs = 0;
    for (const stall of this.#stalls) {
      const untilMs = stall.endMs + EFFECT_MS;
      if (stall.endMs - stall.lostMs <= atMs && atMs <= untilMs) lostMs += stall.lostMs;
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
    // Time in which this process computed is its own, and excuses nothing.
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
