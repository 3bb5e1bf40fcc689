import { readdir } from "node:fs/promises";
import { collectDefaultMetrics, Gauge, Registry } from "prom-client";

const OPEN_FILES = "process_open_fds";
/**
 * The relay measures the lag of the event loop itself. prom-client's way wakes an idle process a
 * hundred times a second, and it cannot be switched off, only slowed down and left out.
 */
const EVENT_LOOP_LAG = [
  "seconds",
  "min_seconds",
  "max_seconds",
  "mean_seconds",
  "stddev_seconds",
  "p50_seconds",
  "p90_seconds",
  "p99_seconds",
];
const UNUSED_PRECISION_MS = 3_600_000;

/** CPU, memory, garbage collection and open files of this process, by prom-client. */
export class ProcessMetrics {
  readonly #registry = new Registry();

  /** @param worker  the label `worker`. */
  constructor(worker: string) {
    this.#registry.setDefaultLabels({ worker });
    collectDefaultMetrics({
      register: this.#registry,
      eventLoopMonitoringPrecision: UNUSED_PRECISION_MS,
    });
    for (const name of EVENT_LOOP_LAG)
      this.#registry.removeSingleMetric(`nodejs_eventloop_lag_${name}`);
    // These list everything that is open, two sockets a call, while all calls wait. Those named
    // like counters are gauges, which promtool reports.
    for (const name of ["handles", "requests", "resources"]) {
      this.#registry.removeSingleMetric(`nodejs_active_${name}`);
      this.#registry.removeSingleMetric(`nodejs_active_${name}_total`);
    }
    this.#replaceOpenFiles();
  }

  /** Takes about a millisecond. */
  async scrape(): Promise<string> {
    return await this.#registry.metrics();
  }

  /**
   * prom-client lists the directory synchronously. Where there is no /proc it has no such gauge.
   */
  #replaceOpenFiles(): void {
    if (this.#registry.getSingleMetric(OPEN_FILES) === undefined) return;
    this.#registry.removeSingleMetric(OPEN_FILES);
    const openFiles = new Gauge({
      name: OPEN_FILES,
      help: "Number of open file descriptors.",
      registers: [this.#registry],
      collect: async () => {
        const open = await countOpenFiles();
        if (open !== null) openFiles.set(open);
      },
    });
  }
}

/** Null: no descriptor is left to read the directory with. The other metrics matter most then. */
async function countOpenFiles(): Promise<number | null> {
  try {
    // One of them is the directory itself.
    return (await readdir("/proc/self/fd")).length - 1;
  } catch {
    return null;
  }
}
