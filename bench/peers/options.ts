/** The command line of `npm run bench:peers`. */
import { CommandLine } from "../load/command-line.js";
import { UsageError } from "../load/usage-error.js";
import { isRelayName, RELAY_NAMES, type RelayName } from "./relays.js";

export interface PeerOptions {
  readonly calls: number;
  readonly durationS: number;
  readonly rounds: number;
  /** With TLS to the model in place of plain sockets, after them, or not at all. */
  readonly tls: "none" | "also" | "only";
  readonly relays: readonly RelayName[];
  readonly jsonFile: string | null;
  readonly writeDocs: boolean;
  /** A kept result to be shown again, instead of runs. */
  readonly fromFile: string | null;
}

export const HELP = `Usage: npm run bench:peers -- [options]

Measures murelay beside other relays with one harness on this machine, by turns, and prints medians and ratios.
The other relays' packages are installed in bench/peers at the first use (90 packages, about 150 MB).

  --calls N         calls at once (default 200)
  --duration S      seconds with every call up, each run (default 20)
  --rounds N        runs of each relay (default 3)
  --only NAME,…     of ${RELAY_NAMES.join(", ")}
  --tls             the same again with TLS to the model
  --tls-only        only with TLS to the model
  --json FILE       every run with every figure
  --write-docs      keeps the runs as bench/results/DATE-peers.json (or --json) and rewrites their part of
                    docs/benchmarks.md and docs/images/peers.svg
  --from FILE       no runs: prints (and with --write-docs writes) what a kept result says
`;

export function parseOptions(argv: readonly string[]): PeerOptions | "help" {
  const line = new CommandLine(argv, {
    calls: { type: "string" },
    duration: { type: "string" },
    rounds: { type: "string" },
    only: { type: "string" },
    tls: { type: "boolean" },
    "tls-only": { type: "boolean" },
    json: { type: "string" },
    "write-docs": { type: "boolean" },
    from: { type: "string" },
    help: { type: "boolean", short: "h" },
  });
  if (line.flag("help")) return "help";
  return {
    calls: line.whole("calls", 200, 1, 10_000),
    durationS: line.whole("duration", 20, 1, 3600),
    rounds: line.whole("rounds", 3, 1, 100),
    tls: line.flag("tls-only") ? "only" : line.flag("tls") ? "also" : "none",
    relays: relays(line.text("only")),
    jsonFile: line.text("json"),
    writeDocs: line.flag("write-docs"),
    fromFile: line.text("from"),
  };
}

function relays(only: string | null): readonly RelayName[] {
  if (only === null) return RELAY_NAMES;
  const wanted = only.split(",").map((name) => name.trim());
  for (const name of wanted) {
    if (!isRelayName(name))
      throw new UsageError(`--only ${name}: give some of ${RELAY_NAMES.join(", ")}`);
  }
  return RELAY_NAMES.filter((name) => wanted.includes(name));
}
