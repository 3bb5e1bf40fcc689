/** The command line of `npm run bench:peers`. */
import { CommandLine } from "../load/command-line.js";
import { UsageError } from "../load/usage-error.js";
import { isRelayName, RELAY_NAMES, type RelayName } from "./relays.js";

export interface PeerOptions {
  readonly calls: number;
  readonly durationS: number;
  /** In which all calls start, and in which they end. */
  readonly rampS: number;
  readonly rounds: number;
  /** With TLS to the model in place of plain sockets, after them, or not at all. */
  readonly tls: "none" | "also" | "only";
  readonly relays: readonly RelayName[];
  /** Those that are measured with TLS. */
  readonly tlsRelays: readonly RelayName[];
  readonly jsonFile: string | null;
  readonly writeDocs: boolean;
  /** A kept result to be shown again, instead of runs. */
  readonly fromFile: string | null;
}

/** In which the calls of a run start, and in which they end. */
const RAMP_S = 5;
const SHORT_RAMP_S = 3;
/** What a run takes beyond its length and its ramps: starts of two processes, the farewell. */
export const OVERHEAD_S = 8;
/** A shorter run says nothing. */
const LEAST_S = 4;

export const HELP = `Usage: npm run bench:peers -- [options]

Measures murelay beside other relays with one harness on this machine, by turns, and prints medians and ratios.
The other relays' packages are installed in bench/peers at the first use (90 packages, about 150 MB).

  --calls N         calls at once (default 200)
  --duration S      seconds with every call up, each run (default 20)
  --minutes M       in place of --duration: as long runs as take about M minutes together
  --rounds N        runs of each relay (default 3)
  --only NAME,…     of ${RELAY_NAMES.join(", ")}
  --tls             the same again with TLS to the model
  --tls-only        only with TLS to the model
  --tls-of NAME,…   the relays to be measured with TLS (default: those of --only)
  --json FILE       every run with every figure
  --write-docs      keeps the runs as bench/results/DATE-peers.json (or --json) and rewrites their part of
                    docs/benchmarks.md and docs/images/peers.svg
  --from FILE       no runs: prints (and with --write-docs writes) what a kept result says
`;

export function parseOptions(argv: readonly string[]): PeerOptions | "help" {
  const line = new CommandLine(argv, {
    calls: { type: "string" },
    duration: { type: "string" },
    minutes: { type: "string" },
    rounds: { type: "string" },
    only: { type: "string" },
    tls: { type: "boolean" },
    "tls-only": { type: "boolean" },
    "tls-of": { type: "string" },
    json: { type: "string" },
    "write-docs": { type: "boolean" },
    from: { type: "string" },
    help: { type: "boolean", short: "h" },
  });
  if (line.flag("help")) return "help";
  const rounds = line.whole("rounds", 3, 1, 100);
  const tls = line.flag("tls-only") ? "only" : line.flag("tls") ? "also" : "none";
  const wanted = relays("only", line.text("only"));
  const { tlsRelays, runs } = measured(line.text("tls-of"), wanted, tls);
  return {
    calls: line.whole("calls", 200, 1, 10_000),
    ...lengthOf(line, rounds * runs),
    rounds,
    tls,
    relays: wanted,
    tlsRelays,
    jsonFile: line.text("json"),
    writeDocs: line.flag("write-docs"),
    fromFile: line.text("from"),
  };
}

/** The relays that are measured with TLS, and the runs of a round. */
function measured(
  tlsOf: string | null,
  wanted: readonly RelayName[],
  tls: PeerOptions["tls"],
): { readonly tlsRelays: readonly RelayName[]; readonly runs: number } {
  if (tlsOf !== null && tls === "none") throw new UsageError("--tls-of: give --tls, too");
  const tlsRelays = tlsOf === null ? wanted : relays("tls-of", tlsOf);
  const runs = (tls === "only" ? 0 : wanted.length) + (tls === "none" ? 0 : tlsRelays.length);
  return { tlsRelays, runs };
}

/** Of each run. */
function lengthOf(
  line: CommandLine,
  runs: number,
): { readonly durationS: number; readonly rampS: number } {
  const minutes = line.number("minutes", 0, 1, 600);
  if (minutes === 0) return { durationS: line.whole("duration", 20, 1, 3600), rampS: RAMP_S };
  if (line.text("duration") !== null) throw new UsageError("--duration, --minutes: give only one");
  const durationS = Math.floor((minutes * 60) / runs - OVERHEAD_S - 2 * SHORT_RAMP_S);
  if (durationS < LEAST_S) {
    const least = Math.ceil((runs * (LEAST_S + OVERHEAD_S + 2 * SHORT_RAMP_S)) / 60);
    throw new UsageError(`--minutes ${minutes}: ${runs} runs take ${least} minutes or more`);
  }
  return { durationS, rampS: SHORT_RAMP_S };
}

function relays(option: string, only: string | null): readonly RelayName[] {
  if (only === null) return RELAY_NAMES;
  const wanted = only.split(",").map((name) => name.trim());
  for (const name of wanted) {
    if (!isRelayName(name))
      throw new UsageError(`--${option} ${name}: give some of ${RELAY_NAMES.join(", ")}`);
  }
  return RELAY_NAMES.filter((name) => wanted.includes(name));
}
