import type { ProcessFigures } from "./figures.js";
import { type ProcessReading, readMachineCpuMs, readProcess } from "./process-meter.js";
import type { Wheel } from "./wheel.js";

/** Above these the figures say more about the harness than about the relay. */
const HARNESS_CPU_LIMIT_PERCENT = 90;
const HARNESS_LATE_LIMIT_MS = 5;
/** Other programs above this make every latency worse than it is. */
export const OTHERS_LIMIT_PERCENT = 20;
/** CPU and memory of relay, harness and machine at one instant. */
export interface Readings {
  readonly atMs: number;
  readonly machineCpuMs: number | null;
  readonly relay: ProcessReading | null;
  readonly harnessCpuMs: number;
}

/** @param pid  the relay's process; null: it is not measured. */
export function readAll(pid: number | null): Readings {
  const { user, system } = process.cpuUsage();
  return {
    atMs: performance.now(),
    machineCpuMs: readMachineCpuMs(),
    relay: pid === null ? null : readProcess(pid),
    harnessCpuMs: (user + system) / 1000,
  };
}

/** The time in which every call is up: what a call costs is taken from here. */
export class SteadyWindow {
  readonly #from: Readings;
  #last: Readings;
  #callSeconds = 0;
  #rssBytes = 0;
  #rssReadings = 0;
  #liveMax = 0;

  constructor(from: Readings) {
    this.#from = from;
    this.#last = from;
  }

  live(calls: number, now: Readings): void {
    this.#callSeconds += (calls * (now.atMs - this.#last.atMs)) / 1000;
    this.#last = now;
    this.#liveMax = Math.max(this.#liveMax, calls);
    if (now.relay === null) return;
    this.#rssBytes += now.relay.rssBytes;
    this.#rssReadings++;
  }

  end(calls: number, now: Readings, baseline: ProcessReading | null, wheel: Wheel): ProcessFigures {
    this.live(calls, now);
    const from = this.#from;
    const wallMs = Math.max(1, now.atMs - from.atMs);
    const cpuMs =
      now.relay === null || from.relay === null ? null : now.relay.cpuMs - from.relay.cpuMs;
    const harnessCpuMs = now.harnessCpuMs - from.harnessCpuMs;
    const others =
      now.machineCpuMs === null || from.machineCpuMs === null || cpuMs === null
        ? null
        : Math.max(0, now.machineCpuMs - from.machineCpuMs - cpuMs - harnessCpuMs);
    const rss = this.#rssReadings === 0 ? null : this.#rssBytes / this.#rssReadings;
    return {
      relayCpuMsPerCallSecond:
        cpuMs === null || this.#callSeconds === 0 ? null : cpuMs / this.#callSeconds,
      relayThreadsMsPerCallSecond:
        now.relay === null || from.relay === null || this.#callSeconds === 0
          ? null
          : (now.relay.threadsCpuMs - from.relay.threadsCpuMs) / this.#callSeconds,
      relayCpuPercent: cpuMs === null ? null : (cpuMs / wallMs) * 100,
      relayWaitedPercent:
        now.relay === null || from.relay === null
          ? null
          : ((now.relay.waitedMs - from.relay.waitedMs) / wallMs) * 100,
      relayRssKbPerCall:
        rss === null || baseline === null || this.#liveMax === 0
          ? null
          : (rss - baseline.rssBytes) / 1024 / this.#liveMax,
      relayRssMb: rss === null ? null : rss / 2 ** 20,
      othersCpuPercent: others === null ? null : (others / wallMs) * 100,
      harnessCpuMsPerCallSecond: this.#callSeconds === 0 ? null : harnessCpuMs / this.#callSeconds,
      harnessCpuPercent: (harnessCpuMs / wallMs) * 100,
      harnessLateP99Ms: wheel.lateness.quantileMs(0.99),
      harnessLateMaxMs: wheel.lateness.maxMs,
    };
  }
}

/** Why the harness itself may have been the limit; null: it was not. */
export function harnessLimit(window: ProcessFigures): string | null {
  const {
    harnessCpuPercent: cpu,
    harnessLateP99Ms: late,
    othersCpuPercent: othersPercent,
  } = window;
  if (cpu >= HARNESS_CPU_LIMIT_PERCENT) return `it used ${cpu.toFixed(0)} % of its core`;
  if (late > HARNESS_LATE_LIMIT_MS) {
    const busy = othersPercent !== null && othersPercent > OTHERS_LIMIT_PERCENT;
    const why = busy ? `, while other programs took ${othersPercent.toFixed(0)} % of a core` : "";
    return `its frames left up to ${late.toFixed(1)} ms late (p99)${why}`;
  }
  return null;
}
