/** Runs of several relays → medians, spreads and ratios. Pure. */
import type { Figures } from "../load/figures.js";
import { RELAY_NAMES, type RelayName } from "./relays.js";

/** One run of one relay. */
export interface PeerRun {
  readonly relay: RelayName;
  /** From 1: runs of the same round were taken one after the other. */
  readonly round: number;
  /** TLS between relay and model. */
  readonly tls: boolean;
  readonly figures: Figures;
  /** Why the harness may have been the limit; null: it was not. */
  readonly harnessLimit: string | null;
  readonly failures: Readonly<Record<string, number>>;
  /** What the model refused → how often. */
  readonly modelErrors: Readonly<Record<string, number>>;
  /** The command that ran. */
  readonly program: string;
}

/** Of one figure over the rounds. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly runs: number;
}

export interface RelaySummary {
  readonly relay: RelayName;
  readonly runs: readonly PeerRun[];
}

/** Middle of the sorted values, the mean of both middles for an even count; null of none. */
export function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The runs with or without TLS, by relay, in the order of a round; relays without a run are left out. */
export function byRelay(runs: readonly PeerRun[], tls: boolean): RelaySummary[] {
  return RELAY_NAMES.map((relay) => ({
    relay,
    runs: runs.filter((run) => run.relay === relay && run.tls === tls),
  })).filter((summary) => summary.runs.length > 0);
}

/** Of the runs that measured it; null when none did. */
export function spread(runs: readonly PeerRun[], figure: string): Spread | null {
  const values = runs.flatMap((run) => {
    const value = run.figures[figure];
    return value === null || value === undefined ? [] : [value];
  });
  const middle = median(values);
  if (middle === null) return null;
  return { median: middle, low: Math.min(...values), high: Math.max(...values), runs: values.length };
}

/**
 * Median of the rounds' own ratios: what disturbs a machine for a minute then disturbs both sides of one ratio.
 *
 * @returns null where no round has both figures, or the peer's is 0.
 */
export function pairedRatio(
  ours: readonly PeerRun[],
  theirs: readonly PeerRun[],
  figure: string,
): number | null {
  const ratios = ours.flatMap((run) => {
    const peer = theirs.find((candidate) => candidate.round === run.round);
    const [a, b] = [run.figures[figure], peer?.figures[figure]];
    return typeof a === "number" && typeof b === "number" && b !== 0 ? [a / b] : [];
  });
  return median(ratios);
}

/** Other programs above this share of a core make every latency worse than it is. */
const OTHERS_LIMIT_PERCENT = 20;
/** A relay that could have run for more than this share of the time, while its core was taken. */
const WAITED_LIMIT_PERCENT = 5;
/** A relay above this has no core left: its latencies are those of an overload. */
const SATURATED_PERCENT = 95;

/** What takes worth from the figures, a sentence each; empty: nothing does. */
export function doubts(runs: readonly PeerRun[]): string[] {
  const found: string[] = [];
  const count = (holds: (run: PeerRun) => boolean, text: (n: string, some: readonly PeerRun[]) => string) => {
    const some = runs.filter(holds);
    if (some.length > 0) found.push(text(`${some.length} of ${runs.length}`, some));
  };
  const most = (some: readonly PeerRun[], figure: string): string =>
    Math.max(...some.map((run) => run.figures[figure] ?? 0)).toFixed(0);
  count(
    (run) => run.harnessLimit !== null,
    (n, some) => `in ${n} runs the harness was the bottleneck (${some[0]!.harnessLimit})`,
  );
  count(
    (run) => (run.figures["others_cpu_percent"] ?? 0) > OTHERS_LIMIT_PERCENT,
    (n, some) =>
      `in ${n} runs other programs used the machine (up to ${most(some, "others_cpu_percent")} % of a core)`,
  );
  count(
    (run) => (run.figures["cpu_waited_percent"] ?? 0) > WAITED_LIMIT_PERCENT,
    (n, some) =>
      `in ${n} runs the relay was kept waiting for its core (up to ${most(some, "cpu_waited_percent")} % of the time)`,
  );
  count(
    (run) => (run.figures["cpu_percent"] ?? 0) > SATURATED_PERCENT,
    (n) => `in ${n} runs the relay had no core left`,
  );
  count(
    (run) => (run.figures["calls_failed"] ?? 0) > 0,
    (n, some) => `in ${n} runs calls failed (up to ${most(some, "calls_failed")})`,
  );
  count(
    (run) => run.relay === "murelay" && !run.program.includes("dist"),
    (n) => `in ${n} runs murelay ran from its sources, not from its build`,
  );
  return found;
}
