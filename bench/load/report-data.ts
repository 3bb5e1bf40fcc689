/** A run as plain data: what is written with `--json`, shown by the page, and compared with. */
import type { Step } from "./find-max.js";
import type { Histogram } from "./histogram.js";
import type { LoadResult } from "./load-run.js";
import type { Meters } from "./meters.js";
import { resultText } from "./report-text.js";
import type { Scenario } from "./scenario.js";
import type { SloResult, SloTerm } from "./slo.js";
import { OTHERS_LIMIT_PERCENT } from "./steady-window.js";

/** Where and how the figures were measured. */
export interface ReportFacts {
  readonly command: string;
  readonly relay: string;
  readonly date: string;
  readonly commit: string;
  readonly node: string;
  readonly machine: string;
  readonly cores: string;
  readonly scenario: Scenario;
  readonly durationS: number;
  readonly verdicts: readonly SloResult[];
  /** Limits that were not judged, because their figure was not measured. */
  readonly unmeasured: readonly SloTerm[];
  /** The limits are those of `--slo`; false: usual ones, which set no exit status. */
  readonly limitsGiven: boolean;
  /** Of --find-max; null otherwise. */
  readonly steps: readonly Step[] | null;
}

/** Histograms by the name of their figures: `uplink_p99_ms` is a quantile of `uplink`. */
function histogramsOf(meters: Meters): Readonly<Record<string, Histogram>> {
  return {
    uplink: meters.uplink,
    uplink_idle: meters.uplinkIdle,
    downlink: meters.downlink,
    clear: meters.clear,
    barge_in_silence: meters.bargeInSilence,
    hold: meters.hold,
    truncation_error: meters.truncation,
    lead: meters.lead,
    silence: meters.silence,
    setup: meters.setup,
    greeting: meters.greeting,
  };
}

/** How often each kind of duration was measured. */
export function countsOf(meters: Meters): Readonly<Record<string, number>> {
  return mapValues(histogramsOf(meters), ({ count }) => count);
}

export function reportJson(result: LoadResult, facts: ReportFacts) {
  const { meters, figures } = result;
  const buckets = mapValues(histogramsOf(meters), (histogram) => histogram.buckets());
  return {
    ...facts,
    figures,
    counts: countsOf(meters),
    failures: Object.fromEntries(meters.failures),
    modelErrors: Object.fromEntries(meters.modelErrors),
    harnessLimit: result.harnessLimit,
    othersLimitPercent: OTHERS_LIMIT_PERCENT,
    relayExit: result.relayExit,
    rampPerSecond: result.rampPerSecond,
    samples: result.samples,
    histogramsMs: buckets,
    text: resultText(result, facts.limitsGiven ? facts.verdicts : []).trim(),
  };
}

export type ReportData = ReturnType<typeof reportJson>;

export function mapValues<In, Out>(
  from: Readonly<Record<string, In>> | object,
  to: (value: In) => Out,
): Readonly<Record<string, Out>> {
  return Object.fromEntries(
    Object.entries(from as Readonly<Record<string, In>>).map(([name, value]) => [name, to(value)]),
  );
}
