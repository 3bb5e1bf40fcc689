/** `npm run bench`: plays callers and model against a relay and measures what comes through. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { onInterrupt } from "../../src/cli/process-signals.js";
import { type Cores, pinSelf, splitCores } from "./affinity.js";
import { type Baseline, baselineText, readBaseline } from "./baseline.js";
import { blankFigures } from "./figures.js";
import { findMax } from "./find-max.js";
import { LivePage } from "./live-page.js";
import { type LoadResult, LoadRun, type Target } from "./load-run.js";
import { type BenchOptions, HELP, parseOptions } from "./options.js";
import { PerfSampling, type PerfShare } from "./perf-share.js";
import { makeCertificate, RelayProcess } from "./relay-process.js";
import { countsOf, type ReportFacts, reportJson } from "./report-data.js";
import { type ReportSoFar, reportHtml } from "./report-file.js";
import { limitLine, progressLine, resultText } from "./report-text.js";
import {
  DEFAULT_SCENARIO,
  loadScenario,
  networkOf,
  type Scenario,
  ScenarioError,
} from "./scenario.js";
import { type Judged, judge, judgeMeasured, type SloTerm } from "./slo.js";
import { keepProcessSteady } from "./steady-process.js";
import { playStorePairs, RECORD_SOURCES, recordsShareText, storePairsText } from "./store-pairs.js";
import { UsageError } from "./usage-error.js";

const OK = 0;
const BROKEN = 1;
const USAGE = 2;
/** By default all calls are up within about this time. */
const RAMP_S = 5;
/** The limits of `--find-max` without `--slo`. */
const MAX_LIMITS: readonly SloTerm[] = [
  { metric: "uplink_p99_ms", op: "<=", limit: 20 },
  { metric: "clear_p99_ms", op: "<=", limit: 50 },
  { metric: "loss", op: "=", limit: 0 },
  { metric: "underruns", op: "=", limit: 0 },
  { metric: "calls_failed", op: "=", limit: 0 },
];

/** @returns the exit status: 0, 1 where a limit is broken or the run failed, 2 for wrong usage. */
export async function run(
  argv: readonly string[],
  io: { out(line: string): void; err(line: string): void } = {
    out: console.log,
    err: console.error,
  },
): Promise<number> {
  try {
    const options = parseOptions(argv);
    if (options === "help") {
      io.out(HELP);
      return OK;
    }
    const scenario =
      options.scenarioFile === null ? DEFAULT_SCENARIO : loadScenario(options.scenarioFile);
    const tls = scenario.tls || options.tls !== null;
    const { toRelay, toPhone } = scenario.network;
    const network = networkOf(
      options.delayMs ?? [toRelay.delayMs, toPhone.delayMs],
      options.jitterMs ?? [toRelay.jitterMs, toPhone.jitterMs],
      toRelay.kind,
    );
    return await new Bench(options, { ...scenario, tls, network }).run();
  } catch (error) {
    if (error instanceof UsageError || error instanceof ScenarioError) {
      io.err(error.message);
      return USAGE;
    }
    io.err(error instanceof Error ? error.message : String(error));
    return BROKEN;
  }
}

/** The name that the command line imports. */
export const main = run;

class Bench {
  readonly #options: BenchOptions;
  readonly #scenario: Scenario;
  readonly #cores: Cores | null;
  #stopped = false;
  #current: LoadRun | null = null;
  #share: PerfShare | null = null;
  #relayCommand = "given by --relay";
  readonly #baseline: Baseline | null;
  #page: LivePage | null = null;

  /** @throws UsageError when the earlier run cannot be read. */
  constructor(options: BenchOptions, scenario: Scenario) {
    this.#options = options;
    this.#baseline = options.baselineFile === null ? null : readBaseline(options.baselineFile);
    this.#scenario = scenario;
    this.#cores = options.relay === null ? splitCores(options.workers) : null;
  }

  async run(): Promise<number> {
    const { slo, findMax: searching, pairStore } = this.#options;
    // A wrong name in a limit is reported before the run, not after it.
    judge(slo, blankFigures());
    keepProcessSteady();
    const unpin = this.#cores === null ? () => {} : pinSelf(this.#cores.harness);
    const stopListening = onInterrupt(() => {
      console.error("stopping: again to stop at once");
      this.#stopped = true;
      this.#current?.stop();
    });
    try {
      if (this.#options.live) {
        this.#page = new LivePage(this.#baseline);
        console.error(`The report, while the run goes on: ${await this.#page.listen()}`);
      }
      if (this.#options.relay !== null) this.#tellSettings();
      if (pairStore !== null) return await this.#pairs(pairStore);
      return searching
        ? await this.#search(slo.length > 0 ? slo : MAX_LIMITS)
        : await this.#single(slo);
    } finally {
      stopListening();
      this.#page?.close();
      unpin();
    }
  }

  async #single(slo: readonly SloTerm[]): Promise<number> {
    const result = await this.#play(this.#options.calls);
    const verdicts = judge(slo, result.figures);
    console.log(resultText(result, verdicts));
    if (this.#baseline !== null) console.log(baselineText(result.figures, this.#baseline));
    await this.#report(result, verdicts, null);
    if (result.relayExit !== null || result.meters.up.frames === 0) return BROKEN;
    return verdicts.every(({ ok }) => ok) ? OK : BROKEN;
  }

  async #pairs(count: number): Promise<number> {
    const { calls, profileDir } = this.#options;
    const found = await playStorePairs(
      count,
      async (records) => await this.#play(calls, { records: records ? "on" : "off" }),
      () => this.#stopped,
    );
    console.log(
      found === null ? "A run failed, or its CPU could not be read." : storePairsText(found),
    );
    if (found === null || this.#stopped) return BROKEN;
    if (profileDir === null) return OK;
    // Runs differ by a few percent, but a share within one run hardly differs.
    await this.#play(calls, { records: "on", samplesDir: profileDir });
    if (this.#share !== null) console.log(recordsShareText(this.#share));
    return OK;
  }

  async #search(limits: readonly SloTerm[]): Promise<number> {
    let last: LoadResult | null = null;
    const found = await findMax(this.#options.calls, async (calls) => {
      if (this.#stopped) return { ok: false, harnessLimit: "it was stopped" };
      console.error(`— ${calls} calls —`);
      const result = await this.#play(calls);
      const verdicts = judge(limits, result.figures);
      const ok = result.relayExit === null && verdicts.every((verdict) => verdict.ok);
      for (const verdict of verdicts) console.log(limitLine(verdict));
      if (ok) last = result;
      return { ok, harnessLimit: result.harnessLimit };
    });
    for (const step of found.steps) {
      console.log(
        `  ${String(step.calls).padStart(6)} calls  ${step.ok ? "within the limits" : "a limit broke"}`,
      );
    }
    if (last === null) {
      console.log(
        `No load was within the limits${found.harnessLimit === null ? "" : `, and the harness was the bottleneck: ${found.harnessLimit}`}.`,
      );
      return BROKEN;
    }
    console.log(resultText(last, []));
    const bound =
      found.harnessLimit === null
        ? ""
        : `at least, for the harness was the bottleneck: ${found.harnessLimit}`;
    console.log(`\n${found.calls} calls within the limits${bound === "" ? "" : ` (${bound})`}`);
    await this.#report(last, judge(limits, (last as LoadResult).figures), found.steps);
    return OK;
  }

  /**
   * @param special  for pairs: with or without records, started by the one launcher that can do
   *                 both; `samplesDir` is where samples of its CPU go.
   */
  async #play(
    calls: number,
    special: { readonly records?: "on" | "off"; readonly samplesDir?: string } = {},
  ): Promise<LoadResult> {
    const { records = null, samplesDir = null } = special;
    const { options, scenario } = { options: this.#options, scenario: this.#scenario };
    const made = scenario.tls && options.tls === null ? makeCertificate() : null;
    const tls = options.tls ?? made;
    const account = { accountSid: options.accountSid, authToken: options.authToken };
    const rampPerSecond =
      options.rampPerSecond ?? scenario.rampPerSecond ?? Math.max(5, calls / RAMP_S);
    const run = new LoadRun({
      calls,
      durationS: options.durationS,
      rampPerSecond,
      scenario,
      account,
      modelPort: options.modelPort,
      restPort: options.restPort,
      tls,
    });
    this.#current = run;
    this.#page?.show(() => this.#soFar(run));
    let relay: RelayProcess | null = null;
    try {
      const ports = await run.listen();
      if (options.relay === null) {
        relay = await RelayProcess.start({
          ...ports,
          ...account,
          workers: options.workers,
          maxCalls: Math.min(10_000, Math.max(100, calls * 2)),
          tls,
          cores: this.#cores?.relay ?? null,
          profileDir: records === null ? options.profileDir : null,
          isSampled: samplesDir !== null,
          records,
          env: options.relayEnv,
        });
        this.#relayCommand = relay.command;
      }
      const perf =
        relay === null || samplesDir === null ? null : new PerfSampling(relay.pid, samplesDir);
      const result = await run.run(this.#target(relay), (sample) =>
        console.error(progressLine(sample, calls)),
      );
      this.#share = (await perf?.stop(RECORD_SOURCES)) ?? null;
      if (relay !== null) {
        for (const [text, count] of relay.complaints())
          console.error(`relay's log: ${count} × ${text}`);
        if (result.relayExit !== null) console.error(relay.logEnd());
      }
      return result;
    } finally {
      this.#current = null;
      await relay?.stop();
      run.close();
      made?.remove();
    }
  }

  /** For the page: what is known before the end. */
  #soFar(run: LoadRun): ReportSoFar {
    const { figures, meters, samples } = run.soFar();
    const { slo } = this.#options;
    const limitsGiven = slo.length > 0;
    return {
      ...this.#facts(judgeMeasured(limitsGiven ? slo : MAX_LIMITS, figures), limitsGiven, null),
      figures,
      samples,
      counts: countsOf(meters),
      failures: Object.fromEntries(meters.failures),
    };
  }

  #target(relay: RelayProcess | null): Target {
    const { relay: address, relayPid } = this.#options;
    if (relay !== null) {
      const { webhookUrl, pid } = relay;
      const scraped = this.#options.scrape ? { metricsUrl: relay.metricsUrl } : {};
      const { listeners } = this.#options;
      const { operatorUrl } = relay;
      const listened = listeners === 0 ? {} : { listening: { listeners, operatorUrl } };
      return { webhookUrl, pid, ...scraped, ...listened, exited: () => relay.exited };
    }
    const url = new URL(address!);
    const webhookUrl = url.pathname === "/" ? new URL("/incoming-call", url).href : url.href;
    return { webhookUrl, pid: relayPid, exited: () => null };
  }

  #tellSettings(): void {
    const { modelPort, restPort, accountSid, authToken, relay } = this.#options;
    const scheme = this.#scenario.tls ? "wss" : "ws";
    console.error(
      [
        "The relay must be configured with:",
        `  OPENAI_REALTIME_URL=${scheme}://127.0.0.1:${modelPort}/v1/realtime   OPENAI_API_KEY=(anything)`,
        `  TWILIO_API_BASE_URL=http://127.0.0.1:${restPort}`,
        `  TWILIO_ACCOUNT_SID=${accountSid}   TWILIO_AUTH_TOKEN=${authToken}`,
        `  PUBLIC_URL=${new URL(relay!).origin}   MAX_CALLS=${this.#options.calls} or more`,
      ].join("\n"),
    );
  }

  async #report(
    result: LoadResult,
    verdicts: ReportFacts["verdicts"],
    steps: ReportFacts["steps"],
  ): Promise<void> {
    const { jsonFile, htmlFile } = this.#options;
    if (jsonFile === null && htmlFile === null && this.#page === null) return;
    const limitsGiven = verdicts.length > 0;
    const facts = this.#facts(
      limitsGiven ? { verdicts, unmeasured: [] } : judgeMeasured(MAX_LIMITS, result.figures),
      limitsGiven,
      steps,
    );
    const data = reportJson(result, facts);
    if (jsonFile !== null) writeFileSync(jsonFile, `${JSON.stringify(data, null, 2)}\n`);
    if (htmlFile !== null) writeFileSync(htmlFile, reportHtml(data, this.#baseline));
    await this.#page?.finish(data);
  }

  #facts(
    { verdicts, unmeasured }: Judged,
    limitsGiven: boolean,
    steps: ReportFacts["steps"],
  ): ReportFacts {
    return {
      command: `npm run bench -- ${process.argv.slice(3).join(" ")}`,
      relay: this.#relayCommand,
      date: new Date().toISOString(),
      commit: commit(),
      node: process.version,
      machine: `${cpus().length} × ${cpus()[0]?.model ?? "?"}, Linux ${release()}`,
      cores:
        this.#cores === null
          ? "shared"
          : `harness ${this.#cores.harness}, relay ${this.#cores.relay}`,
      scenario: this.#scenario,
      durationS: this.#options.durationS,
      verdicts,
      unmeasured,
      limitsGiven,
      steps,
    };
  }
}

function commit(): string {
  try {
    return execFileSync("git", ["describe", "--always", "--dirty"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return "unknown";
  }
}
