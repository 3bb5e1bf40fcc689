/** What is printed for people. */
import type { LoadResult, Sample } from "./load-run.js";
import type { SloResult } from "./slo.js";
import { OTHERS_LIMIT_PERCENT } from "./steady-window.js";

/** One line a second. */
export function progressLine(sample: Sample, calls: number): string {
  const relay =
    sample.relayCpuPercent === null
      ? ""
      : `  relay ${sample.relayCpuPercent.toFixed(0)} % ${(sample.relayRssMb ?? 0).toFixed(0)} MB`;
  return (
    `${String(sample.second).padStart(4)} s  ${String(sample.live).padStart(String(calls).length)}/${calls} calls` +
    `  up p50 ${ms(sample.uplinkP50Ms)} p99 ${ms(sample.uplinkP99Ms)}  down p99 ${ms(sample.downlinkP99Ms)}` +
    `  lost ${sample.lost}  underruns ${sample.underruns}${relay}` +
    `  harness ${sample.harnessCpuPercent.toFixed(0)} % late p99 ${ms(sample.lateP99Ms)}`
  );
}

export function resultText(result: LoadResult, verdicts: readonly SloResult[]): string {
  const f = result.figures;
  const n = (name: string): string => {
    const value = f[name];
    return value === null || value === undefined ? "–" : String(value);
  };
  const row = (label: string, name: string): string =>
    `  ${label.padEnd(34)}${[
      `${name}_p50_ms`,
      `${name}_p99_ms`,
      `${name}_p999_ms`,
      `${name}_max_ms`,
    ]
      .map((key) => n(key).padStart(10))
      .join("")}`;
  const lines = [
    "",
    `${n("calls")} calls, ${n("call_seconds")} call-seconds, ${n("calls_failed")} failed; ${n("responses")} answers, ${n("barge_ins")} barge-ins`,
    "",
    `  ${"ms".padEnd(34)}${["p50", "p99", "p99.9", "max"].map((text) => text.padStart(10)).join("")}`,
    row("uplink, caller talks", "uplink"),
    row("uplink, caller silent", "uplink_idle"),
    row("downlink, first byte", "downlink"),
    row("speech_started → clear", "clear"),
    row("speech_started → phone silent", "barge_in_silence"),
    row("caller speaks up → last audio", "hold"),
    row("|truncation error|", "truncation_error"),
    row("un-played audio at the phone", "lead"),
    row("silence while a reply is owed", "silence"),
    row("webhook → stream accepted", "setup"),
    row("stream → first sound", "greeting"),
    "",
    `  frames          up ${n("frames_up")} (${n("frames_cut_off")} cut off by hanging up), down ${n("frames_down")}; lost ${n("loss_up")} up ${n("loss_down")} down, doubled ${n("doubled")}, re-ordered ${n("reordered")}, altered ${n("altered")}, inserted ${n("inserted")}, given up and then come ${n("late")}, of another call ${n("foreign")}`,
    `  playout         underruns ${n("underruns")} (${n("underrun_ms")} ms; unsure ${n("underruns_unsure")}), most un-played ${n("lead_max_ms")} ms`,
    `  barge-in        clears missing ${n("clears_missing")}, unasked ${n("clears_unasked")}, frames after a clear ${n("stale")}`,
    `  truncation      ${n("truncates")} sent, ${n("truncates_missing")} missing, ${n("truncates_rejected")} rejected, ${n("truncates_above")} above the audio received; error ${n("truncation_error_low_ms")} to +${n("truncation_error_high_ms")} ms`,
    `  model sessions  ${n("sessions")}, left open ${n("sessions_leaked")}, never used ${n("sessions_unclaimed")}; callers left without an answer ${n("unanswered")}; tool calls ${n("tool_calls")}, unanswered ${n("tools_unanswered")}`,
    `  relay           ${n("cpu_ms_per_call_s")} ms CPU per call-second, ${n("cpu_percent")} % of a core, kept waiting for one ${n("cpu_waited_percent")} % of the time; ${n("rss_kb_per_call")} KB per call, ${n("rss_mb")} MB in all`,
    `  harness         ${n("harness_cpu_ms_per_call_s")} ms CPU per call-second, ${n("harness_cpu_percent")} % of a core; frames late p99 ${n("harness_late_p99_ms")} ms, max ${n("harness_late_max_ms")} ms`,
  ];
  if ((f["faults"] ?? 0) > 0) {
    lines.splice(
      -3,
      0,
      `  faults          ${n("faults")} responses failed, incomplete, silent or rate-limited`,
    );
  }
  if ((f["gap_bytes"] ?? 0) > 0) {
    lines.splice(
      -3,
      0,
      `  gaps            ${n("gap_bytes")} bytes missing from the callers, ${n("gap_fill_bytes")} filled with silence`,
    );
  }
  if (f["scrapes"] !== undefined) {
    lines.push(
      `  scraping        ${n("scrapes")} × ${n("scrape_bytes")} bytes in ${n("scrape_p50_ms")} ms (p50), ${n("scrape_max_ms")} at most; uplink p99 of a second, median: with ${n("uplink_p99_scraped_ms")}, without ${n("uplink_p99_unscraped_ms")} ms`,
    );
  }
  if (f["listeners"] !== undefined) lines.push(...listenerLines(n));
  const others = f["others_cpu_percent"] ?? 0;
  if (others > OTHERS_LIMIT_PERCENT) {
    lines.push(
      `  other programs  ${others} % of a core: every latency is worse than on a free machine`,
    );
  }
  for (const [reason, count] of result.meters.failures)
    lines.push(`  failed          ${count} × ${reason}`);
  for (const [what, count] of result.meters.modelErrors)
    lines.push(`  model refused   ${count} × ${what}`);
  if (result.relayExit !== null) lines.push(`  THE RELAY ENDED: ${result.relayExit}`);
  if (result.harnessLimit !== null) {
    lines.push(
      "",
      `The harness itself was the bottleneck: ${result.harnessLimit}. What this run shows is not the relay's limit.`,
    );
  }
  if (verdicts.length > 0) lines.push("", ...verdicts.map(limitLine));
  return lines.join("\n");
}

/** The windows without listeners differ by so much among themselves: that is the noise. */
function listenerLines(n: (name: string) => string): string[] {
  const row = (name: string, unit: string, label: string): string =>
    `                  ${label}: with ${n(`${name}_listened${unit}`)}, without ${n(`${name}_unlistened${unit}`)} (${n(`${name}_unlistened_min${unit}`)} to ${n(`${name}_unlistened_max${unit}`)})`;
  return [
    `  listeners       ${n("listeners")} on one call in ${n("listener_windows")} windows, ${n("listener_heard_s")} s heard, ${n("listeners_failed")} failed; the other calls, median of the windows:`,
    row("uplink_p99", "_ms", "uplink p99, ms"),
    row("uplink_gap_max", "_ms", "longest gap at the model, ms"),
    row("cpu_ms_per_call_second", "", "CPU per call-second, ms"),
  ];
}

export function limitLine({ metric, op, limit, value, ok }: SloResult): string {
  return `  ${ok ? "ok  " : "FAIL"}  ${metric} ${op} ${limit}  (${Number.isNaN(value) ? "not measured" : value})`;
}

function ms(value: number | null): string {
  if (value === null) return "–";
  return value < 10 ? value.toFixed(2) : value.toFixed(0);
}
