/** Runs of several relays → medians, spreads and ratios. Pure. */

import type { Figures } from "../load/figures.js";
import { OTHERS_LIMIT_PERCENT } from "../load/steady-window.js";
import { median } from "../median.js";
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

/**
 * The runs with or without TLS, by relay, in the order of a round; relays without a run are left
 * out.
 */
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
  return {
    median: middle,
    low: Math.min(...values),
    high: Math.max(...values),
    runs: values.length,
  };
}

/**
 * Median of the rounds' own ratios: a disturbance of a minute then affects both sides of one ratio.
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

/** A relay that could have run for more than this share of the time, while its core was taken. */
const WAITED_LIMIT_PERCENT = 5;
/** A relay above this has no core left: its latencies are those of an overload. */
const SATURATED_PERCENT = 95;

/** A caveat about some of a relay's runs. */
export interface Doubt {
  readonly kind: string;
  /** Runs that it concerns. */
  readonly runs: number;
  /** How bad, in the worst of them; "" where there is nothing to add. */
  readonly worst: string;
}

/** Empty: there is no caveat about these runs. */
export function doubts(runs: readonly PeerRun[]): Doubt[] {
  const over = (kind: string, figure: string, limit: number, unit: string): Doubt => {
    const values = runs.map((run) => run.figures[figure] ?? 0).filter((value) => value > limit);
    return { kind, runs: values.length, worst: `${Math.max(0, ...values).toFixed(0)}${unit}` };
  };
  const limited = runs.flatMap(({ harnessLimit }) => (harnessLimit === null ? [] : [harnessLimit]));
  const unbuilt = runs.filter(
    ({ relay, program }) => relay === "murelay" && !program.startsWith("dist/"),
  );
  const found: Doubt[] = [
    { kind: "the harness was the bottleneck", runs: limited.length, worst: limited[0] ?? "" },
    over(
      "other programs used the machine",
      "others_cpu_percent",
      OTHERS_LIMIT_PERCENT,
      " % of a core",
    ),
    over("kept waiting for its core", "cpu_waited_percent", WAITED_LIMIT_PERCENT, " % of the time"),
    over("no core left", "cpu_percent", SATURATED_PERCENT, " %"),
    over("calls failed", "calls_failed", 0, ""),
    { kind: "run from the sources, not from the build", runs: unbuilt.length, worst: "" },
  ];
  return found.filter((doubt) => doubt.runs > 0);
}
