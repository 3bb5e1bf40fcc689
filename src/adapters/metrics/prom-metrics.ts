/**
 * CallMetrics, counted in typed arrays: observing through prom-client costs some 30 times as much per frame, and its text of them four
 * times as much per scrape. What it knows of the process is its own; this is its only user.
 */
import { readdir } from "node:fs/promises";
import { collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { ErrorCode } from "../../domain/errors.js";
import type { Clock } from "../../ports/clock.js";
import type {
  AuthFailureReason,
  AuthSurface,
  CallMetrics,
  TokenKind,
} from "../../ports/metrics.js";
import { HistogramFamily, ValueFamily } from "./family.js";
import { EXPOSITION_TYPE, exposition, type MetricsSnapshot } from "./snapshot.js";
import { METRICS } from "./table.js";

export interface PromMetricsOptions {
  readonly version: string;
  /** The label `worker`. Default "0". */
  readonly worker?: string;
  /** Process metrics (CPU, memory, garbage collection) beside our own. Default true. */
  readonly processMetrics?: boolean;
}

/** How often lateness is measured. */
const LAG_SAMPLE_MS = 100;

type Families = {
  readonly [K in keyof typeof METRICS]: (typeof METRICS)[K]["kind"] extends "histogram"
    ? HistogramFamily
    : ValueFamily;
};

export class PromMetrics implements CallMetrics {
  readonly #worker: string;
  /** Of the process, not of calls. */
  readonly #process: ProcessMetrics | null;
  readonly #families: Families = {
    callsActive: new ValueFamily(METRICS.callsActive),
    calls: new ValueFamily(METRICS.calls),
    callsRejected: new ValueFamily(METRICS.callsRejected),
    frameTransit: new HistogramFamily(METRICS.frameTransit),
    voiceToVoice: new HistogramFamily(METRICS.voiceToVoice),
    firstAudio: new HistogramFamily(METRICS.firstAudio),
    playoutBuffer: new HistogramFamily(METRICS.playoutBuffer),
    underruns: new ValueFamily(METRICS.underruns),
    bargeIns: new ValueFamily(METRICS.bargeIns),
    bargeInClear: new HistogramFamily(METRICS.bargeInClear),
    truncationRejected: new ValueFamily(METRICS.truncationRejected),
    uplinkGaps: new ValueFamily(METRICS.uplinkGaps),
    uplinkDropped: new ValueFamily(METRICS.uplinkDropped),
    downlinkDropped: new ValueFamily(METRICS.downlinkDropped),
    unknownMessages: new ValueFamily(METRICS.unknownMessages),
    upstreamConnect: new HistogramFamily(METRICS.upstreamConnect),
    upstreamErrors: new ValueFamily(METRICS.upstreamErrors),
    upstreamReconnects: new ValueFamily(METRICS.upstreamReconnects),
    warmSessions: new ValueFamily(METRICS.warmSessions),
    toolSeconds: new HistogramFamily(METRICS.toolSeconds),
    transfers: new ValueFamily(METRICS.transfers),
    twilioRequests: new HistogramFamily(METRICS.twilioRequests),
    tokens: new ValueFamily(METRICS.tokens),
    cost: new ValueFamily(METRICS.cost),
    authFailures: new ValueFamily(METRICS.authFailures),
    eventLoopLag: new HistogramFamily(METRICS.eventLoopLag),
    workerUp: new ValueFamily(METRICS.workerUp),
    draining: new ValueFamily(METRICS.draining),
    recordsPending: new ValueFamily(METRICS.recordsPending),
    recordsDropped: new ValueFamily(METRICS.recordsDropped),
    buildInfo: new ValueFamily(METRICS.buildInfo),
  };
  readonly #uplink: number;
  readonly #downlink: number;

  constructor(options: PromMetricsOptions) {
    const families = this.#families;
    this.#worker = options.worker ?? "0";
    this.#process = options.processMetrics === false ? null : new ProcessMetrics(this.#worker);
    this.#uplink = families.frameTransit.slot("uplink");
    this.#downlink = families.frameTransit.slot("downlink");
    families.workerUp.set(0, 1);
    families.buildInfo.set(families.buildInfo.slot(options.version), 1);
  }

  async scrape(): Promise<{ readonly type: string; readonly body: string }> {
    const snapshot = await this.snapshot(true);
    return {
      type: EXPOSITION_TYPE,
      body: exposition([{ worker: this.#worker, up: true, snapshot }]),
    };
  }

  /**
   * All that was counted, for a supervisor to expose.
   *
   * @param withProcess  process metrics too: a millisecond, the rest takes 20 µs.
   */
  async snapshot(withProcess: boolean): Promise<MetricsSnapshot> {
    const families = Object.entries(this.#families).map(([key, family]) => [
      key,
      family.snapshot(),
    ]);
    const process = withProcess ? ((await this.#process?.scrape()) ?? "") : null;
    return { families: Object.fromEntries(families), process };
  }

  /** Measures how late this process's timers are, until the returned function is called. */
  watchEventLoop(clock: Clock): () => void {
    const lag = this.#families.eventLoopLag;
    let dueMs = clock.nowMs() + LAG_SAMPLE_MS;
    const sample = () => {
      const nowMs = clock.nowMs();
      lag.observe(0, (nowMs - dueMs) / 1000);
      dueMs = nowMs + LAG_SAMPLE_MS;
      timer = clock.after(LAG_SAMPLE_MS, sample);
    };
    let timer = clock.after(LAG_SAMPLE_MS, sample);
    return () => timer.cancel();
  }

  callStarted(): void {
    this.#families.callsActive.move(0, 1);
  }
  callEnded(outcome: Parameters<CallMetrics["callEnded"]>[0]): void {
    this.#families.callsActive.move(0, -1);
    count(this.#families.calls, outcome);
  }
  callMoved(): void {
    this.#families.callsActive.move(0, -1);
  }
  callRejected(reason: Parameters<CallMetrics["callRejected"]>[0]): void {
    count(this.#families.callsRejected, reason);
  }
  frameUplink(transitSeconds: number): void {
    this.#families.frameTransit.observe(this.#uplink, transitSeconds);
  }
  frameDownlink(transitSeconds: number): void {
    this.#families.frameTransit.observe(this.#downlink, transitSeconds);
  }
  uplinkGap(): void {
    this.#families.uplinkGaps.add(0, 1);
  }
  uplinkDropped(frames: number): void {
    this.#families.uplinkDropped.add(0, frames);
  }
  downlinkDropped(frames: number): void {
    this.#families.downlinkDropped.add(0, frames);
  }
  unknownMessage(leg: "media" | "upstream"): void {
    count(this.#families.unknownMessages, leg);
  }
  voiceToVoice(seconds: number): void {
    this.#families.voiceToVoice.observe(0, seconds);
  }
  firstAudio(seconds: number): void {
    this.#families.firstAudio.observe(0, seconds);
  }
  playoutBuffer(seconds: number): void {
    this.#families.playoutBuffer.observe(0, seconds);
  }
  underrun(): void {
    this.#families.underruns.add(0, 1);
  }
  bargeIn(source: "model" | "local"): void {
    count(this.#families.bargeIns, source);
  }
  bargeInClear(seconds: number): void {
    this.#families.bargeInClear.observe(0, seconds);
  }
  truncationRejected(): void {
    this.#families.truncationRejected.add(0, 1);
  }
  upstreamConnect(seconds: number): void {
    this.#families.upstreamConnect.observe(0, seconds);
  }
  upstreamError(code: ErrorCode): void {
    count(this.#families.upstreamErrors, code);
  }
  upstreamReconnect(outcome: "ok" | "failed"): void {
    count(this.#families.upstreamReconnects, outcome);
  }
  warmSessions(now: number): void {
    this.#families.warmSessions.set(0, now);
  }
  tool(name: string, outcome: Parameters<CallMetrics["tool"]>[1], seconds: number): void {
    const family = this.#families.toolSeconds;
    family.observe(family.slot(name, outcome), seconds);
  }
  transfer(...[kind, outcome]: Parameters<CallMetrics["transfer"]>): void {
    count(this.#families.transfers, kind, outcome);
  }
  twilioRequest(operation: string, outcome: "ok" | ErrorCode, seconds: number): void {
    const family = this.#families.twilioRequests;
    family.observe(family.slot(operation, outcome), seconds);
  }
  tokens(model: string, kind: TokenKind, amount: number): void {
    const family = this.#families.tokens;
    family.add(family.slot(model, kind), amount);
  }
  cost(model: string, usd: number): void {
    const family = this.#families.cost;
    family.add(family.slot(model), usd);
  }
  authFailure(surface: AuthSurface, reason: AuthFailureReason): void {
    count(this.#families.authFailures, surface, reason);
  }
  draining(now: boolean): void {
    this.#families.draining.set(0, now ? 1 : 0);
  }
  recordsPending(now: number): void {
    this.#families.recordsPending.set(0, now);
  }
  recordsDropped(events: number): void {
    this.#families.recordsDropped.add(0, events);
  }
}

const OPEN_FILES = "process_open_fds";
/** We measure it ourselves; prom-client's way wakes an idle process a hundred times a second, and cannot be left out. */
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

/** Off the main thread. Null: no file is left to look with. The other metrics are wanted all the more then. */
async function countOpenFiles(): Promise<number | null> {
  try {
    // One of them is the directory itself.
    return (await readdir("/proc/self/fd")).length - 1;
  } catch {
    return null;
  }
}

/** CPU, memory, garbage collection, open files and timers of this process. */
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
    // Lists of everything that is open, two sockets a call, made in one go while all calls wait. Those named like counters are gauges,
    // to which promtool objects, too.
    for (const name of ["handles", "requests", "resources"]) {
      this.#registry.removeSingleMetric(`nodejs_active_${name}`);
      this.#registry.removeSingleMetric(`nodejs_active_${name}_total`);
    }
    // It knows no such number where there is no /proc.
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

  async scrape(): Promise<string> {
    return await this.#registry.metrics();
  }
}

function count(family: ValueFamily, a: string, b = ""): void {
  family.add(family.slot(a, b), 1);
}
