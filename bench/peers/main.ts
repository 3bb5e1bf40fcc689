/** `npm run bench:peers`: murelay and other relays in alternating runs, with one harness. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Cores, splitCores } from "../load/affinity.js";
import { readMachineCpuMs } from "../load/process-meter.js";
import { builtProgram, freePort, makeCertificate } from "../load/relay-process.js";
import { OTHERS_LIMIT_PERCENT } from "../load/steady-window.js";
import { UsageError } from "../load/usage-error.js";
import { HarnessProcess, type HarnessResult } from "./harness-process.js";
import { HELP, OVERHEAD_S, type PeerOptions, parseOptions } from "./options.js";
import { type MeetingPoint, startRelay } from "./relay-under-test.js";
import { RELAYS, type RelayName } from "./relays.js";
import { figure, type PeerReport, readReport, section, withSection } from "./report.js";
import type { PeerRun } from "./summary.js";
import { comparison, refusals } from "./table.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const PAGE = join(ROOT, "docs", "benchmarks.md");
const IMAGE = join(ROOT, "docs", "images", "peers.svg");
const OK = 0;
const BROKEN = 1;
const USAGE = 2;
const INTERRUPTED = 130;
/** For what other programs do before the first run. */
const LISTEN_MS = 1000;
const ACCOUNT = { accountSid: "AC00000000000000000000000000000be4", authToken: "bench-token" };

/**
 * @param install  puts the other relays' packages in place; ends the process when it cannot.
 * @returns the exit status: 0, 1 where a run is missing, 2 for wrong usage, 130 when interrupted.
 */
export async function run(argv: readonly string[], install: () => void): Promise<number> {
  try {
    const options = parseOptions(argv);
    if (options === "help") {
      console.log(HELP);
      return OK;
    }
    if (options.fromFile !== null) {
      const report = readReport(readFileSync(options.fromFile, "utf8"), options.fromFile);
      show(report);
      if (options.writeDocs) writeDocs(report, options.fromFile);
      return OK;
    }
    const measured = [...options.relays, ...options.tlsRelays];
    if (measured.some((name) => RELAYS[name].packages.length > 0)) install();
    return await new Comparison(options, `npm run bench:peers -- ${argv.join(" ")}`.trim()).run();
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return error instanceof UsageError ? USAGE : BROKEN;
  }
}

/** What is measured once in each round, in this order. */
function roundOf({ relays, tlsRelays, tls }: PeerOptions): readonly PlannedRun[] {
  const plain = tls === "only" ? [] : relays.map((relay) => ({ relay, secure: false }));
  return tls === "none"
    ? plain
    : [...plain, ...tlsRelays.map((relay) => ({ relay, secure: true }))];
}

interface PlannedRun {
  readonly relay: RelayName;
  readonly secure: boolean;
}

interface Stoppable {
  stop(): Promise<void>;
}

class Comparison {
  readonly #options: PeerOptions;
  readonly #command: string;
  readonly #cores: Cores | null = splitCores(1);
  readonly #running = new Set<Stoppable>();
  readonly #runs: PeerRun[] = [];
  #facts: HarnessResult | null = null;
  #interrupted = false;

  constructor(options: PeerOptions, command: string) {
    this.#options = options;
    this.#command = command;
  }

  async run(): Promise<number> {
    const { rounds, calls, durationS, rampS } = this.#options;
    const round = roundOf(this.#options);
    const wanted = rounds * round.length;
    const minutes = Math.ceil((wanted * (durationS + 2 * rampS + OVERHEAD_S)) / 60);
    console.error(`${wanted} runs of ${durationS} s with ${calls} calls: about ${minutes} minutes`);
    await warnOfOthers();
    const interrupt = (): void => {
      this.#interrupted = true;
      console.error("stopping");
      void this.#stopAll();
    };
    process.once("SIGINT", interrupt);
    process.once("SIGTERM", interrupt);
    try {
      for (let n = 1; n <= rounds && !this.#interrupted; n++) {
        for (const { relay, secure } of round) await this.#one(relay, n, secure);
      }
    } finally {
      await this.#stopAll();
      process.removeListener("SIGINT", interrupt);
      process.removeListener("SIGTERM", interrupt);
    }
    if (this.#facts === null) return this.#interrupted ? INTERRUPTED : BROKEN;
    const report = this.#report(this.#facts);
    show(report);
    // Half a comparison is shown, but not kept.
    if (this.#interrupted) return INTERRUPTED;
    const { jsonFile, writeDocs: documented } = this.#options;
    const kept =
      jsonFile ??
      (documented
        ? join(ROOT, "bench", "results", `${report.date.slice(0, 10)}-peers.json`)
        : null);
    if (kept !== null) writeFileSync(kept, `${JSON.stringify(report, null, 2)}\n`);
    const complete = this.#runs.length === wanted;
    if (documented && kept !== null) {
      if (complete) writeDocs(report, kept);
      else console.error("runs are missing: docs are left as they are");
    }
    return complete ? OK : BROKEN;
  }

  async #one(name: RelayName, round: number, secure: boolean): Promise<void> {
    if (this.#interrupted) return;
    if (name === "murelay") build();
    const { calls, durationS, rampS } = this.#options;
    const label = `round ${round}, ${RELAYS[name].label}${secure ? ", TLS" : ""}`;
    const tls = secure ? makeCertificate() : null;
    const point: MeetingPoint = {
      ...ACCOUNT,
      modelPort: await freePort(),
      restPort: await freePort(),
      maxCalls: Math.max(100, calls * 2),
      tls,
      cores: this.#cores?.relay ?? null,
    };
    try {
      const relay = await startRelay(name, point);
      this.#running.add(relay);
      const harness = new HarnessProcess(relay, point, {
        calls,
        durationS,
        rampS,
        cores: this.#cores?.harness ?? null,
      });
      this.#running.add(harness);
      try {
        const result = await harness.result();
        if (this.#interrupted) return;
        const ended = relay.exited();
        if (ended !== null)
          throw new Error(`the relay ended in mid-run (${ended}):\n${relay.logEnd()}`);
        const { figures, harnessLimit, failures, modelErrors } = result;
        const program = relay.program.replaceAll(ROOT, "");
        this.#runs.push({
          relay: name,
          round,
          tls: secure,
          figures,
          harnessLimit,
          failures,
          modelErrors,
          program,
        });
        this.#facts ??= result;
        console.error(
          `${label}: ${brief(figures)}${harnessLimit === null ? "" : `; the harness was the bottleneck: ${harnessLimit}`}`,
        );
      } finally {
        await harness.stop();
        this.#running.delete(harness);
        await relay.stop();
        this.#running.delete(relay);
      }
    } catch (error) {
      if (!this.#interrupted)
        console.error(`${label}: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      tls?.remove();
    }
  }

  async #stopAll(): Promise<void> {
    await Promise.all([...this.#running].map(async (one) => await one.stop()));
  }

  #report({ commit, node, machine }: HarnessResult): PeerReport {
    const { calls, durationS, rounds } = this.#options;
    return {
      command: this.#command,
      date: new Date().toISOString(),
      commit,
      node,
      machine,
      cores:
        this.#cores === null
          ? "shared"
          : `harness ${this.#cores.harness}, relay ${this.#cores.relay}`,
      calls,
      durationS,
      rounds,
      versions: installedVersions([...this.#options.relays, ...this.#options.tlsRelays]),
      runs: this.#runs,
    };
  }
}

/**
 * Warns before minutes are spent on figures of little value; each run reports again what it met.
 */
async function warnOfOthers(): Promise<void> {
  const before = readMachineCpuMs();
  await new Promise((resolve) => setTimeout(resolve, LISTEN_MS));
  const after = readMachineCpuMs();
  if (before === null || after === null) return;
  const percent = ((after - before) / LISTEN_MS) * 100;
  if (percent > OTHERS_LIMIT_PERCENT)
    console.error(
      `other programs use ${percent.toFixed(0)} % of a core now: the figures will say less of the relays`,
    );
}

/** Murelay is measured as it is deployed. */
function build(): void {
  if (builtProgram() !== null) return;
  console.error("dist is not there or older than the sources: building …");
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  const { status } = spawnSync(process.execPath, [tsc, "-p", "tsconfig.build.json"], {
    cwd: ROOT,
    stdio: "inherit",
  });
  if (status !== 0) throw new Error("the build failed");
}

function installedVersions(relays: readonly RelayName[]): Record<string, string> {
  const names = new Set(relays.flatMap((relay) => RELAYS[relay].packages));
  return Object.fromEntries(
    [...names].map((name) => {
      const file = new URL(`./node_modules/${name}/package.json`, import.meta.url);
      const found: unknown = JSON.parse(readFileSync(file, "utf8"));
      const version =
        typeof found === "object" && found !== null && "version" in found ? found.version : "?";
      return [name, String(version)];
    }),
  );
}

function brief(figures: HarnessResult["figures"]): string {
  const n = (name: string): string => String(figures[name] ?? "–");
  return (
    `${n("cpu_ms_per_call_s")} ms CPU per call-second, ${n("rss_kb_per_call")} KB per call, ` +
    `uplink p99 ${n("uplink_p99_ms")} ms, lost ${n("loss")}, failed ${n("calls_failed")}`
  );
}

function show(report: PeerReport): void {
  for (const tls of [false, true]) {
    if (report.runs.some((run) => run.tls === tls)) console.log(comparison(report.runs, tls));
  }
  const refused = refusals(report.runs);
  if (refused !== "") console.log(`Refused or failed, over all runs:\n\n${refused}`);
}

function writeDocs(report: PeerReport, resultFile: string): void {
  const page = readFileSync(PAGE, "utf8");
  const link = relative(dirname(PAGE), resolve(resultFile)).replaceAll("\\", "/");
  mkdirSync(dirname(IMAGE), { recursive: true });
  writeFileSync(PAGE, withSection(page, section(report, link)));
  writeFileSync(IMAGE, figure(report));
  console.error(`written: ${relative(ROOT, PAGE)}, ${relative(ROOT, IMAGE)}`);
}
