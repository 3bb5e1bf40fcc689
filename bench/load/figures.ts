import type { Histogram } from "./histogram.js";
import { Meters } from "./meters.js";

/**
 * What was measured of machine and processes while every call was up; null: not measurable.
 */
export interface ProcessFigures {
  readonly relayCpuMsPerCallSecond: number | null;
  /** The share of threads other than the main one. */
  readonly relayThreadsMsPerCallSecond: number | null;
  readonly relayCpuPercent: number | null;
  /** Share of the time in which the relay could have run and another program did. */
  readonly relayWaitedPercent: number | null;
  readonly relayRssKbPerCall: number | null;
  readonly relayRssMb: number | null;
  /** Use by other programs, stolen time included, in percent of one core. */
  readonly othersCpuPercent: number | null;
  /** Of one core. */
  readonly harnessCpuMsPerCallSecond: number | null;
  readonly harnessCpuPercent: number;
  readonly harnessLateP99Ms: number;
  readonly harnessLateMaxMs: number;
}

/**
 * Name → value, as in reports and limits. Names end with their unit; the others are counts.
 */
export type Figures = Readonly<Record<string, number | null>>;

export function figures(meters: Meters, calls: number, processes: ProcessFigures): Figures {
  const { up, down } = meters;
  return {
    calls,
    calls_failed: meters.callsFailed,
    call_seconds: round(meters.callSeconds, 1),
    ...quantiles("uplink", meters.uplink),
    ...quantiles("uplink_idle", meters.uplinkIdle),
    ...meters.scraper?.figures(),
    ...meters.listened?.figures(),
    ...quantiles("downlink", meters.downlink),
    ...quantiles("clear", meters.clear),
    ...quantiles("barge_in_silence", meters.bargeInSilence),
    ...quantiles("hold", meters.hold),
    ...quantiles("silence", meters.silence),
    ...quantiles("truncation_error", meters.truncation),
    truncation_error_low_ms: round(meters.truncationLowMs, 1),
    truncation_error_high_ms: round(meters.truncationHighMs, 1),
    ...quantiles("lead", meters.lead),
    ...quantiles("setup", meters.setup),
    ...quantiles("greeting", meters.greeting),
    frames_up: meters.framesSent,
    frames_cut_off: meters.framesCutOff,
    frames_down: down.frames,
    loss: up.lost + down.lost,
    loss_up: up.lost,
    loss_down: down.lost,
    doubled: up.doubled + down.doubled,
    reordered: up.reordered + down.reordered,
    altered: up.altered + down.altered,
    inserted: up.inserted + down.inserted,
    foreign: up.foreign + down.foreign,
    stale: down.stale,
    late: up.late + down.late,
    gap_bytes: meters.gapBytes,
    gap_fill_bytes: up.fillBytes,
    underruns: meters.underruns,
    underruns_unsure: meters.underrunsUnsure,
    underrun_ms: round(meters.underrunMs, 1),
    responses: meters.responses,
    faults: meters.faults,
    tool_calls: meters.toolCalls,
    tools_unanswered: Math.max(0, meters.toolCalls - meters.toolAnswers),
    unanswered: meters.unanswered,
    barge_ins: meters.bargeIns,
    clears_missing: meters.clearsMissing,
    clears_unasked: meters.clearsUnasked,
    truncates: meters.truncates,
    truncates_missing: meters.truncatesMissing,
    truncates_rejected: meters.truncatesRejected,
    truncates_above: meters.truncatesAbove,
    marks: meters.marks,
    sessions: meters.sessions,
    sessions_leaked: meters.sessionsLeaked,
    sessions_unclaimed: meters.sessionsUnclaimed,
    cpu_ms_per_call_s: rounded(processes.relayCpuMsPerCallSecond, 3),
    cpu_threads_ms_per_call_s: rounded(processes.relayThreadsMsPerCallSecond, 4),
    cpu_percent: rounded(processes.relayCpuPercent, 1),
    cpu_waited_percent: rounded(processes.relayWaitedPercent, 1),
    rss_kb_per_call: rounded(processes.relayRssKbPerCall, 1),
    rss_mb: rounded(processes.relayRssMb, 1),
    others_cpu_percent: rounded(processes.othersCpuPercent, 1),
    harness_cpu_ms_per_call_s: rounded(processes.harnessCpuMsPerCallSecond, 3),
    harness_cpu_percent: round(processes.harnessCpuPercent, 1),
    harness_late_p99_ms: round(processes.harnessLateP99Ms, 2),
    harness_late_max_ms: round(processes.harnessLateMaxMs, 1),
  };
}

/** Of a run that has not come to its steady part. */
export const NOT_MEASURED: ProcessFigures = {
  relayCpuMsPerCallSecond: null,
  relayThreadsMsPerCallSecond: null,
  relayCpuPercent: null,
  relayWaitedPercent: null,
  relayRssKbPerCall: null,
  relayRssMb: null,
  othersCpuPercent: null,
  harnessCpuMsPerCallSecond: null,
  harnessCpuPercent: 0,
  harnessLateP99Ms: 0,
  harnessLateMaxMs: 0,
};

/** Every figure's name, to check limits before a run rather than after it. */
export function blankFigures(): Figures {
  return figures(new Meters(), 0, NOT_MEASURED);
}

/** Null without a measurement: it is within no limit. */
function quantiles(name: string, histogram: Histogram): Record<string, number | null> {
  const some = histogram.count > 0;
  return {
    [`${name}_p50_ms`]: some ? round(histogram.quantileMs(0.5), 2) : null,
    [`${name}_p99_ms`]: some ? round(histogram.quantileMs(0.99), 2) : null,
    [`${name}_p999_ms`]: some ? round(histogram.quantileMs(0.999), 2) : null,
    [`${name}_max_ms`]: some ? round(histogram.maxMs, 2) : null,
  };
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

function rounded(value: number | null, digits: number): number | null {
  return value === null ? null : round(value, digits);
}
