/** The harness's command line. */
import { CommandLine } from "./command-line.js";
import type { TlsFiles } from "./model-server.js";
import { MOST_DELAY_MS } from "./scenario.js";
import { parseSlo, type SloTerm } from "./slo.js";
import { UsageError } from "./usage-error.js";

export interface BenchOptions {
  readonly calls: number;
  /** With every call up. */
  readonly durationS: number;
  /**
   * A relay that is running: its origin, or the address of its voice webhook. Null: one is started.
   */
  readonly relay: string | null;
  readonly rampPerSecond: number | null;
  readonly scenarioFile: string | null;
  readonly jsonFile: string | null;
  readonly htmlFile: string | null;
  /** An earlier run's JSON that this one is compared with. */
  readonly baselineFile: string | null;
  /** Show the report while the run goes on, at an address of this machine. */
  readonly live: boolean;
  /**
   * One-way delay and jitter between phone and relay, over the scenario's: to the relay, and to the
   * phone. Null: the scenario's.
   */
  readonly delayMs: readonly [number, number] | null;
  readonly jitterMs: readonly [number, number] | null;
  readonly slo: readonly SloTerm[];
  readonly findMax: boolean;
  /** Pairs of runs with and without record keeping; null: a single run. */
  readonly pairStore: number | null;
  /** Scrape the metrics of the relay that is started every other second. */
  readonly scrape: boolean;
  /** Operators who listen to one call in every other window; 0: none. */
  readonly listeners: number;
  /** Of the relay that is started. */
  readonly workers: number;
  readonly modelPort: number;
  readonly restPort: number;
  readonly authToken: string;
  readonly accountSid: string;
  /**
   * The model's certificate and key, so that a relay given by address can know it beforehand; null:
   * plain, or made where the scenario asks.
   */
  readonly tls: TlsFiles | null;
  /** Process of a relay given by address, to measure its CPU and memory; null: not measured. */
  readonly relayPid: number | null;
  /** Where a CPU profile of the relay that is started goes; null: none is taken. */
  readonly profileDir: string | null;
  /** Settings for the relay that is started, over those that the harness gives it. */
  readonly relayEnv: Readonly<Record<string, string>>;
}

export const HELP = `Usage: npm run bench -- --calls N --duration S [options]

Plays callers (Twilio Media Streams) and model (OpenAI Realtime) against a relay on this machine and measures what comes
through. Without --relay it starts this project's relay itself, on free ports.

  --calls N           calls at once (default 50); with --find-max where the search begins
  --duration S        seconds with every call up (default 30; with --find-max 15 a step)
  --ramp N            new calls per second until all are up (default: all within about 5 s)
  --scenario FILE     who talks when, in YAML: see bench/load/scenarios
  --delay MS          between phone and relay, each way (default: the scenario's, which is 0);
                      20,100: 20 ms to the relay, 100 ms to the phone
  --jitter MS         now and then the network holds everything for up to so long; as --delay
  --slo LIMITS        e.g. "uplink_p99_ms<20,loss=0": exit status 1 where one is broken
  --find-max          doubles the calls until a limit breaks, then narrows down; limits: --slo, or
                      uplink_p99_ms<=20, clear_p99_ms<=50, loss=0, underruns=0
  --pair-store PAIRS  runs with and without record keeping by turns, and tells what it costs
  --scrape            asks for the metrics of the relay that is started every other second, and tells what that does to its calls
  --listeners N       N operators listen to one call in every other window of six seconds, and tells what that does
                      to the others; at least four windows: --duration 26 or more
  --json FILE         every figure as JSON
  --html FILE         the same as one page: each limit with pass or fail, charts with values
  --baseline FILE     compares with an earlier run's --json, in the page and at the end
  --live              prints an address of this machine that shows the page while the run goes on
  --workers N         WORKERS of the relay that is started (default 1)
  --env NAME=VALUE    another setting of the relay that is started; may be repeated
  --profile DIR       takes a CPU profile of the relay that is started (costs it some speed);
                      with --pair-store: samples one more run with Linux's perf instead
  --relay URL         a relay that runs already, by its origin (/incoming-call is added) or its voice webhook's address
  --relay-pid PID     its process, to read CPU and memory
  --model-port P, --rest-port P, --auth-token T, --account-sid AC…
                      what that relay is configured with (defaults 8801, 8802, bench-token, AC…)
  --tls-cert FILE --tls-key FILE
                      TLS between relay and model with this certificate, which that relay must trust
`;

const ACCOUNT_SID = "AC00000000000000000000000000000be4";

export function parseOptions(argv: readonly string[]): BenchOptions | "help" {
  const line = new CommandLine(argv, {
    calls: { type: "string" },
    duration: { type: "string" },
    relay: { type: "string" },
    "relay-pid": { type: "string" },
    ramp: { type: "string" },
    scenario: { type: "string" },
    json: { type: "string" },
    html: { type: "string" },
    baseline: { type: "string" },
    live: { type: "boolean" },
    delay: { type: "string" },
    jitter: { type: "string" },
    slo: { type: "string" },
    "find-max": { type: "boolean" },
    "pair-store": { type: "string" },
    scrape: { type: "boolean" },
    listeners: { type: "string" },
    workers: { type: "string" },
    env: { type: "string", multiple: true },
    profile: { type: "string" },
    "model-port": { type: "string" },
    "rest-port": { type: "string" },
    "auth-token": { type: "string" },
    "account-sid": { type: "string" },
    "tls-cert": { type: "string" },
    "tls-key": { type: "string" },
    help: { type: "boolean", short: "h" },
  });
  if (line.flag("help")) return "help";
  const findMax = line.flag("find-max");
  const relay = line.text("relay");
  if (relay !== null && !URL.canParse(relay))
    throw new UsageError(`--relay ${relay}: is not an address`);
  const env: Record<string, string> = {};
  for (const pair of line.texts("env")) {
    const at = pair.indexOf("=");
    if (at < 1) throw new UsageError(`--env ${pair}: give NAME=VALUE`);
    env[pair.slice(0, at)] = pair.slice(at + 1);
  }
  const pairStore = line.text("pair-store") === null ? null : line.whole("pair-store", 3, 1, 100);
  if (pairStore !== null && (relay !== null || findMax))
    throw new UsageError(
      "--pair-store starts its relays itself, and goes without --relay and --find-max",
    );
  const scrape = line.flag("scrape");
  if (scrape && relay !== null)
    throw new UsageError(
      "--scrape knows the metrics of a relay that it starts only: not with --relay",
    );
  const listeners = line.whole("listeners", 0, 0, 16);
  if (listeners > 0 && relay !== null)
    throw new UsageError(
      "--listeners knows the operator listener of a relay that it starts only: not with --relay",
    );
  const [cert, key] = [line.text("tls-cert"), line.text("tls-key")];
  if ((cert === null) !== (key === null))
    throw new UsageError("--tls-cert and --tls-key go together");
  const slo = line.text("slo");
  return {
    calls: line.whole("calls", 50, 1, 100_000),
    durationS: line.number("duration", findMax ? 15 : 30, 1, 86_400),
    relay,
    rampPerSecond: line.text("ramp") === null ? null : line.rate("ramp", 10, 0.1, 10_000),
    scenarioFile: line.text("scenario"),
    jsonFile: line.text("json"),
    htmlFile: line.text("html"),
    baselineFile: line.text("baseline"),
    live: line.flag("live"),
    delayMs: line.bothWays("delay", 0, MOST_DELAY_MS),
    jitterMs: line.bothWays("jitter", 0, MOST_DELAY_MS),
    slo: slo === null ? [] : parseSlo(slo),
    findMax,
    pairStore,
    scrape,
    listeners,
    workers: line.whole("workers", 1, 1, 256),
    modelPort: line.whole("model-port", relay === null ? 0 : 8801, 0, 65_535),
    restPort: line.whole("rest-port", relay === null ? 0 : 8802, 0, 65_535),
    authToken: line.text("auth-token") ?? "bench-token",
    accountSid: line.text("account-sid") ?? ACCOUNT_SID,
    tls: cert === null || key === null ? null : { cert, key },
    relayPid: line.text("relay-pid") === null ? null : line.whole("relay-pid", 0, 1, 2 ** 31),
    profileDir: line.text("profile"),
    relayEnv: env,
  };
}
