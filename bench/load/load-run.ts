/** One load run: a number of calls for some time against one relay. */

import { Random } from "../random.js";
import { Caller } from "./caller.js";
import { type Figures, figures, NOT_MEASURED, type ProcessFigures } from "./figures.js";
import type { Histogram } from "./histogram.js";
import { ListenerWindows } from "./listener-windows.js";
import { Meters } from "./meters.js";
import { ModelServer, type TlsFiles } from "./model-server.js";
import type { ModelSession } from "./model-session.js";
import { readProcess } from "./process-meter.js";
import type { Scenario } from "./scenario.js";
import { Scraper } from "./scraper.js";
import { harnessLimit, type Readings, readAll, SteadyWindow } from "./steady-window.js";
import type { TwilioAccount } from "./twilio-account.js";
import { TwilioRestServer } from "./twilio-rest-server.js";
import { Wheel } from "./wheel.js";

/** The relay under test, once it runs. */
export interface Target {
  readonly webhookUrl: string;
  /** The process to read CPU and memory of; null: unknown. */
  readonly pid: number | null;
  /** To be scraped every other second; absent: not at all. */
  readonly metricsUrl?: string;
  /** Operators who listen to the first call by turns; absent: none. */
  readonly listening?: { readonly listeners: number; readonly operatorUrl: string };
  /** Why the relay ended during the run; null while it runs. */
  exited(): string | null;
}

export interface LoadPlan {
  readonly calls: number;
  /** With every call up. */
  readonly durationS: number;
  readonly rampPerSecond: number;
  readonly scenario: Scenario;
  readonly account: TwilioAccount;
  readonly modelPort: number;
  readonly restPort: number;
  readonly tls: TlsFiles | null;
}

/** One second of a run. */
/** One second of a run. Null: nothing was measured in it. */
export interface Sample {
  readonly second: number;
  readonly live: number;
  readonly uplinkP50Ms: number | null;
  readonly uplinkP99Ms: number | null;
  /** How many frames that is of. */
  readonly uplinkCount: number;
  readonly downlinkP99Ms: number | null;
  readonly downlinkCount: number;
  /** Of one core. */
  readonly relayCpuPercent: number | null;
  readonly relayRssMb: number | null;
  readonly harnessCpuPercent: number;
  readonly lateP99Ms: number | null;
  readonly lateCount: number;
  readonly lost: number;
  readonly underruns: number;
}

export interface LoadResult {
  readonly figures: Figures;
  readonly meters: Meters;
  readonly samples: readonly Sample[];
  /** Why the harness itself may have been the limit; null: it was not. */
  readonly harnessLimit: string | null;
  /** Why the relay ended during the run; null: it did not. */
  readonly relayExit: string | null;
  readonly rampPerSecond: number;
}

/** After the last call has dialled, before the steady window begins. */
const SETTLE_MS = 1000;
/** For hanging up, the last webhooks and closing sessions. */
const FAREWELL_MS = 15_000;
const BASELINE_MS = 700;

export class LoadRun {
  readonly #plan: LoadPlan;
  readonly #meters = new Meters();
  readonly #wheel = new Wheel();
  readonly #callers = new Map<number, Caller>();
  /** Calls whose last frames may still be on their way. */
  readonly #unfinished = new Set<Caller>();
  readonly #bySid = new Map<string, Caller>();
  readonly #model: ModelServer;
  readonly #rest: TwilioRestServer;
  readonly #samples: Sample[] = [];
  #lastId = 0;
  #stopped = false;

  constructor(plan: LoadPlan) {
    this.#plan = plan;
    this.#model = new ModelServer(
      plan.scenario,
      this.#meters,
      this.#wheel,
      {
        claim: (session, callId) => this.#callers.get(callId)?.claim(session) ?? false,
        released: (session) => this.#released(session),
      },
      plan.tls,
    );
    this.#rest = new TwilioRestServer(this.#meters, (callSid) =>
      this.#bySid.get(callSid)?.redirected(),
    );
  }

  /** Both servers, before the relay starts. */
  async listen(): Promise<{ readonly modelPort: number; readonly restPort: number }> {
    return {
      modelPort: await this.#model.listen(this.#plan.modelPort),
      restPort: await this.#rest.listen(this.#plan.restPort),
    };
  }

  /** What has been measured so far. What belongs to processes is known at the end. */
  soFar(): Pick<LoadResult, "figures" | "meters" | "samples"> {
    const processes = { ...NOT_MEASURED };
    const made = figures(this.#meters, this.#plan.calls, processes);
    return { figures: made, meters: this.#meters, samples: this.#samples };
  }

  /** Ends the calls now; `run` then reports on what there was. */
  stop(): void {
    this.#stopped = true;
  }

  async run(
    target: Target,
    progress: (sample: Sample, meters: Meters) => void,
  ): Promise<LoadResult> {
    const { calls, durationS, rampPerSecond } = this.#plan;
    await sleep(BASELINE_MS);
    const baseline = target.pid === null ? null : readProcess(target.pid);
    const beginMs = performance.now();
    const rampMs = (calls / rampPerSecond) * 1000;
    const lengthMs = rampMs + SETTLE_MS + durationS * 1000;
    const steadyFromMs = beginMs + rampMs + SETTLE_MS;
    const steadyToMs = beginMs + lengthMs;
    const deadlineMs = beginMs + rampMs + lengthMs + FAREWELL_MS;
    let dialled = 0;
    let steady: SteadyWindow | null = null;
    let window: ProcessFigures | null = null;
    let before = readAll(target.pid);
    this.#wheel.start();
    for (;;) {
      await sleep(20);
      const nowMs = performance.now();
      if (this.#stopped) for (const caller of this.#callers.values()) caller.hangUp();
      const due = this.#stopped
        ? dialled
        : Math.min(calls, Math.ceil(((nowMs - beginMs) / 1000) * rampPerSecond));
      for (; dialled < due; dialled++) this.#dial(nowMs + lengthMs, target);
      if (nowMs - before.atMs >= 1000) {
        const now = readAll(target.pid);
        this.#sample(beginMs, before, now);
        progress(this.#samples.at(-1)!, this.#meters);
        if (steady !== null && window === null) steady.live(this.#meters.callsLive, now);
        before = now;
      }
      if (steady === null && nowMs >= steadyFromMs) {
        this.#wheel.lateness.reset();
        steady = new SteadyWindow(readAll(target.pid));
        if (target.metricsUrl !== undefined) this.#meters.scraper = new Scraper(target.metricsUrl);
        this.#meters.scraper?.start();
        this.#meters.listened = this.#listenerWindows(target);
        this.#meters.listened?.start();
      }
      const over = this.#stopped || nowMs >= steadyToMs;
      if (steady !== null && window === null && over) {
        window = steady.end(this.#meters.callsLive, readAll(target.pid), baseline, this.#wheel);
        this.#meters.scraper?.stop();
        this.#meters.listened?.stop();
      }
      if (target.exited() !== null || nowMs >= deadlineMs) break;
      if ((dialled === calls || this.#stopped) && this.#callers.size === 0) break;
    }
    const relayExit = target.exited();
    await this.#closing(relayExit === null);
    this.#wheel.stop();
    window ??= (steady ?? new SteadyWindow(before)).end(
      0,
      readAll(target.pid),
      baseline,
      this.#wheel,
    );
    return {
      figures: figures(this.#meters, calls, window),
      meters: this.#meters,
      samples: this.#samples,
      harnessLimit: harnessLimit(window),
      relayExit,
      rampPerSecond,
    };
  }

  close(): void {
    this.#wheel.stop();
    this.#meters.scraper?.stop();
    this.#meters.listened?.stop();
    this.#model.close();
    this.#rest.close();
  }

  /** The first call is up as long as any. */
  #listenerWindows({ listening, pid }: Target): ListenerWindows | null {
    const [first] = this.#callers.values();
    if (listening === undefined || first === undefined) return null;
    const { id: callId, callSid } = first;
    return new ListenerWindows({
      ...listening,
      pid,
      callId,
      callSid,
      calls: () => this.#meters.callsLive,
    });
  }

  /** A relay closes the model's session with the call. A session that stays open is a leak. */
  async #closing(relayRuns: boolean): Promise<void> {
    const untilMs = performance.now() + 3000;
    while (relayRuns && this.#model.openSessions > 0 && performance.now() < untilMs)
      await sleep(50);
    this.#meters.sessionsLeaked = relayRuns ? this.#model.openSessions : 0;
    for (const caller of this.#callers.values())
      this.#meters.fail(`not over in time${caller.live ? "" : " (never begun)"}`);
  }

  #dial(endMs: number, target: Target): void {
    const { scenario, account } = this.#plan;
    const id = ++this.#lastId;
    const random = new Random(scenario.seed * 104_729 + id);
    const lengthMs =
      scenario.callSeconds === null
        ? Number.POSITIVE_INFINITY
        : random.within(scenario.callSeconds) * 1000;
    const caller = new Caller(id, Math.min(endMs, performance.now() + lengthMs), {
      scenario,
      random,
      meters: this.#meters,
      wheel: this.#wheel,
      account,
      webhookUrl: target.webhookUrl,
      sessionByIndex: (index) => this.#model.session(index),
      over: (ended) => {
        this.#callers.delete(ended.id);
        this.#bySid.delete(ended.callSid);
        // The next call takes its place, unless too little time is left.
        const againBeforeMs = endMs - (scenario.callSeconds?.[0] ?? 0) * 1000;
        if (scenario.callSeconds !== null && !this.#stopped && performance.now() < againBeforeMs) {
          this.#dial(endMs, target);
        }
      },
    });
    this.#callers.set(id, caller);
    this.#bySid.set(caller.callSid, caller);
    this.#unfinished.add(caller);
    void caller.dial();
  }

  #released(session: ModelSession): void {
    const listener = session.listener;
    if (!(listener instanceof Caller)) return;
    if (listener.live) listener.sessionLost(session);
    else {
      listener.finish();
      this.#unfinished.delete(listener);
    }
  }

  #sample(beginMs: number, before: Readings, now: Readings): void {
    const meters = this.#meters;
    const wallMs = now.atMs - before.atMs;
    this.#samples.push({
      second: Math.round((now.atMs - beginMs) / 1000),
      live: meters.callsLive,
      uplinkP50Ms: measured(meters.recentUplink, 0.5),
      uplinkP99Ms: measured(meters.recentUplink, 0.99),
      uplinkCount: meters.recentUplink.count,
      downlinkP99Ms: measured(meters.recentDownlink, 0.99),
      downlinkCount: meters.recentDownlink.count,
      relayCpuPercent:
        now.relay === null || before.relay === null
          ? null
          : ((now.relay.cpuMs - before.relay.cpuMs) / wallMs) * 100,
      relayRssMb: now.relay === null ? null : now.relay.rssBytes / 2 ** 20,
      harnessCpuPercent: ((now.harnessCpuMs - before.harnessCpuMs) / wallMs) * 100,
      lateP99Ms: measured(this.#wheel.recentLateness, 0.99),
      lateCount: this.#wheel.recentLateness.count,
      lost: meters.up.lost + meters.down.lost,
      underruns: meters.underruns,
    });
    meters.recentUplink.reset();
    meters.recentDownlink.reset();
    this.#wheel.recentLateness.reset();
  }
}

function measured(histogram: Histogram, q: number): number | null {
  return histogram.count === 0 ? null : histogram.quantileMs(q);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
